// Follows the knees through the frames of a video: node dist/grpc-js/stream.js FRAME.jpg...

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import {
  StreamDetectRequest,
  type StreamDetectResponse,
} from "../gen/ts-proto/jointtrack/v1/jointtrack_service.js";
import { MeasurementType } from "../gen/ts-proto/jointtrack/v1/measurement.js";
import { connect, explain, metadata } from "./client.js";

const FRAMES_PER_S = 30;

/** The config, then the frames. Each file is read when the stream has room for it. */
async function* requests(paths: string[]): AsyncGenerator<StreamDetectRequest> {
  const options = { measurements: [MeasurementType.KNEE_FLEXION] };
  yield StreamDetectRequest.fromPartial({ request: { $case: "config", value: { options } } });
  for (const [index, path] of paths.entries()) {
    const ms = Math.round((index * 1000) / FRAMES_PER_S);
    const frame = {
      sequenceId: BigInt(index),
      captureOffset: { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 },
      image: { source: { $case: "encoded" as const, value: await readFile(path) } },
    };
    yield StreamDetectRequest.fromPartial({ request: { $case: "frame", value: frame } });
  }
}

function show({ sequenceId, outcome }: StreamDetectResponse): void {
  if (outcome?.$case === "detection") {
    const knee = outcome.value.people[0]?.measurements[0];
    const sides = [knee?.left, knee?.right].map((side) => side?.valueDeg?.toFixed(2) ?? "-");
    console.log(String(sequenceId), ...sides);
  } else if (outcome?.$case === "summary") {
    const knee = outcome.value.people[0]?.measurements[0];
    for (const [name, side] of Object.entries({ left: knee?.left, right: knee?.right })) {
      console.log(`${name} range: ${side?.rangeDeg?.toFixed(2) ?? "-"}`);
    }
  } else if (outcome?.$case === "error") {
    console.log(String(sequenceId), "error:", outcome.value.message);
  } else {
    console.log(String(sequenceId), "dropped");
  }
}

const client = connect();
const call = client.streamDetect(metadata());

/** No faster than the server takes, and half-closed after the last frame. */
async function send(paths: string[]): Promise<void> {
  for await (const request of requests(paths)) {
    if (!call.write(request)) await once(call, "drain");
  }
  call.end();
}

async function receive(): Promise<void> {
  for await (const answer of call as AsyncIterable<StreamDetectResponse>) show(answer);
}

try {
  await Promise.all([send(process.argv.slice(2)), receive()]);
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
} finally {
  call.cancel();
  client.close();
}
