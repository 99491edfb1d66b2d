// Where the server is, what every call sends, and what a failed call says.

import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../gen/es/google/rpc/error_details_pb.js";
import { JointTrackService } from "../gen/es/jointtrack/v1/jointtrack_service_pb.js";

const TRIES = 4;
const env = process.env;

/** In clear text, or over TLS where the root certificates are named, mutual with one of our own. */
export function connect() {
  const files = {
    ca: env.JOINTTRACK_ROOTS,
    cert: env.JOINTTRACK_CERTIFICATE,
    key: env.JOINTTRACK_CERTIFICATE_KEY,
  };
  const given = Object.entries(files).flatMap(([name, path]) => (path ? [[name, path]] : []));
  const transport = createGrpcTransport({
    baseUrl: `${files.ca ? "https" : "http"}://${env.JOINTTRACK_TARGET ?? "localhost:50051"}`,
    interceptors: [retry, withKey],
    nodeOptions: Object.fromEntries(given.map(([name, path]) => [name, readFileSync(path!)])),
    pingIntervalMs: 330_000,
  });
  return createClient(JointTrackService, transport);
}

const withKey: Interceptor = (next) => (request) => {
  if (env.JOINTTRACK_API_KEY) request.header.set("x-api-key", env.JOINTTRACK_API_KEY);
  return next(request);
};

/** Connect reads no service config: waits as the server says and tries again, streams excepted. */
const retry: Interceptor = (next) => async (request) => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await next(request);
    } catch (caught) {
      const error = ConnectError.from(caught);
      if (request.stream || error.code !== Code.Unavailable || tries === TRIES) throw error;
      const pause = (200 * 2 ** tries * (1 + Math.random())) / 2;
      await setTimeout(retryDelayMs(error) ?? pause, undefined, { signal: request.signal });
    }
  }
};

function retryDelayMs(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay && durationMs(delay);
}

/** The status and its details: https://google.aip.dev/193. */
export function explain(caught: unknown): string {
  const error = ConnectError.from(caught);
  const lines = [`${Code[error.code]}: ${error.rawMessage}`];
  for (const { reason, metadata } of error.findDetails(ErrorInfoSchema)) {
    lines.push(`reason ${reason}`, `request_id ${metadata.request_id}`);
  }
  for (const { fieldViolations } of error.findDetails(BadRequestSchema)) {
    lines.push(...fieldViolations.map(({ field, description }) => `field ${field}: ${description}`));
  }
  const delay = retryDelayMs(error);
  if (delay !== undefined) lines.push(`try again in ${(delay / 1000).toFixed(3)} s`);
  return lines.join("\n");
}
