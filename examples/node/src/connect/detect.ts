// Measures both shoulders in a photo: node dist/connect/detect.js PHOTO

import { readFile } from "node:fs/promises";
import { MeasurementType, MissingReason } from "../gen/es/jointtrack/v1/measurement_pb.js";
import { connect, explain } from "./client.js";

const TIMEOUT_MS = 30_000;

try {
  const photo = await readFile(process.argv[2] ?? "");
  const response = await connect().detect(
    {
      image: { source: { case: "encoded", value: photo } },
      options: { measurements: [MeasurementType.SHOULDER_ABDUCTION] },
    },
    { timeoutMs: TIMEOUT_MS },
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
}
