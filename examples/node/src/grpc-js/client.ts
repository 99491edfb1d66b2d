// Where the server is, what every call sends, and what a failed call says.

import { readFileSync } from "node:fs";
import { credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo, RetryInfo } from "../gen/ts-proto/google/rpc/error_details.js";
import { Status } from "../gen/ts-proto/google/rpc/status.js";
import { JointTrackServiceClient } from "../gen/ts-proto/jointtrack/v1/jointtrack_service.js";

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const SERVICE_CONFIG = new URL("../../../../client/jointtrack/service_config.json", import.meta.url);
const env = process.env;

export function connect(): JointTrackServiceClient {
  return new JointTrackServiceClient(env.JOINTTRACK_TARGET ?? "localhost:50051", channel(), {
    "grpc.service_config": readFileSync(SERVICE_CONFIG, "utf8"),
    "grpc.keepalive_time_ms": 330_000,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    // Larger requests are not tried again; the default is 1 MiB.
    "grpc.per_rpc_retry_buffer_size": MAX_MESSAGE_BYTES,
  });
}

/** Clear text, or TLS where the root certificates are named, mutual TLS with one of our own. */
function channel() {
  if (!env.JOINTTRACK_ROOTS) return credentials.createInsecure();
  const read = (path?: string) => (path ? readFileSync(path) : null);
  return credentials.createSsl(
    readFileSync(env.JOINTTRACK_ROOTS),
    read(env.JOINTTRACK_CERTIFICATE_KEY),
    read(env.JOINTTRACK_CERTIFICATE),
  );
}

export function metadata(): Metadata {
  const sent = new Metadata();
  if (env.JOINTTRACK_API_KEY) sent.set("x-api-key", env.JOINTTRACK_API_KEY);
  return sent;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "metadata" in error;
}

/** The status and its details: https://google.aip.dev/193. */
export function explain(error: unknown): string {
  if (!isServiceError(error)) return String(error);
  const lines = [`${status[error.code]}: ${error.details}`];
  const packed = error.metadata.get("grpc-status-details-bin")[0];
  const details = packed instanceof Buffer ? Status.decode(packed).details : [];
  for (const { typeUrl, value } of details) {
    if (typeUrl.endsWith("/google.rpc.ErrorInfo")) {
      const { reason, metadata } = ErrorInfo.decode(value);
      lines.push(`reason ${reason}`, `request_id ${metadata.request_id}`);
    } else if (typeUrl.endsWith("/google.rpc.BadRequest")) {
      const violations = BadRequest.decode(value).fieldViolations;
      lines.push(...violations.map(({ field, description }) => `field ${field}: ${description}`));
    } else if (typeUrl.endsWith("/google.rpc.RetryInfo")) {
      const { seconds = 0n, nanos = 0 } = RetryInfo.decode(value).retryDelay ?? {};
      lines.push(`try again in ${(Number(seconds) + nanos / 1e9).toFixed(3)} s`);
    }
  }
  return lines.join("\n");
}
