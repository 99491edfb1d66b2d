// Measures both shoulders in a photo: node dist/grpc-js/detect.js PHOTO

import { readFile } from "node:fs/promises";
import {
  DetectRequest,
  type DetectResponse,
} from "../gen/ts-proto/jointtrack/v1/jointtrack_service.js";
import { MeasurementType, MissingReason } from "../gen/ts-proto/jointtrack/v1/measurement.js";
import { connect, explain, metadata } from "./client.js";

const TIMEOUT_MS = 30_000;

const client = connect();

function detect(request: DetectRequest): Promise<DetectResponse> {
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + TIMEOUT_MS };
    client.detect(request, metadata(), options, (error, response) =>
      error ? reject(error) : resolve(response),
    );
  });
}

try {
  const response = await detect(
    DetectRequest.fromPartial({
      image: { source: { $case: "encoded", value: await readFile(process.argv[2] ?? "") } },
      options: { measurements: [MeasurementType.SHOULDER_ABDUCTION] },
    }),
  );
  const person = response.detection?.people[0];
  if (!person) console.log("nobody found");
  for (const { left, right } of person?.measurements ?? []) {
    for (const [name, side] of Object.entries({ left, right })) {
      console.log(
        side?.valueDeg === undefined
          ? `${name}: no value, ${MissingReason[side?.missingReason ?? 0]}`
          : `${name}: ${side.valueDeg.toFixed(2)} degrees`,
      );
    }
  }
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
} finally {
  client.close();
}
