// Follows the knees through the frames of a video: node dist/connect/stream.js FRAME.jpg...

import { readFile } from "node:fs/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  type StreamDetectRequestSchema,
  type StreamDetectResponse,
} from "../gen/es/jointtrack/v1/jointtrack_service_pb.js";
import { MeasurementType } from "../gen/es/jointtrack/v1/measurement_pb.js";
import { connect, explain } from "./client.js";

const FRAMES_PER_S = 30;

type Request = MessageInitShape<typeof StreamDetectRequestSchema>;

/** The config, then the frames. Each file is read when the stream has room for it. */
async function* requests(paths: string[]): AsyncGenerator<Request> {
  const options = { measurements: [MeasurementType.KNEE_FLEXION] };
  yield { request: { case: "config", value: { options } } };
  for (const [index, path] of paths.entries()) {
    const frame = {
      sequenceId: BigInt(index),
      captureOffset: durationFromMs(Math.round((index * 1000) / FRAMES_PER_S)),
      image: { source: { case: "encoded" as const, value: await readFile(path) } },
    };
    yield { request: { case: "frame", value: frame } };
  }
}

function show({ sequenceId, outcome }: StreamDetectResponse): void {
  if (outcome.case === "detection") {
    const knee = outcome.value.people[0]?.measurements[0];
    const sides = [knee?.left, knee?.right].map((side) => side?.valueDeg?.toFixed(2) ?? "-");
    console.log(String(sequenceId), ...sides);
  } else if (outcome.case === "summary") {
    const knee = outcome.value.people[0]?.measurements[0];
    for (const [name, side] of Object.entries({ left: knee?.left, right: knee?.right })) {
      console.log(`${name} range: ${side?.rangeDeg?.toFixed(2) ?? "-"}`);
    }
  } else if (outcome.case === "error") {
    console.log(String(sequenceId), "error:", outcome.value.message);
  } else {
    console.log(String(sequenceId), "dropped");
  }
}

try {
  for await (const answer of connect().streamDetect(requests(process.argv.slice(2)))) show(answer);
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
}
