"""The one table of how each reason is answered, for every transport."""

from typing import NamedTuple

from jointtrack_server.errors import Reason


class Codes(NamedTuple):
    """gRPC status name, HTTP status and the REST API's ``error.code``."""

    grpc: str
    http: int
    rest: str

    @property
    def is_server_fault(self) -> bool:
        """Whether the server failed, and not its caller."""
        return self.http >= 500


ERROR_CODES: dict[Reason, Codes] = {
    Reason.MISSING_IMAGE: Codes("INVALID_ARGUMENT", 400, "missing_image"),
    Reason.INVALID_IMAGE: Codes("INVALID_ARGUMENT", 400, "invalid_image"),
    Reason.AMBIGUOUS_IMAGE: Codes("INVALID_ARGUMENT", 400, "ambiguous_image"),
    Reason.UNSUPPORTED_IMAGE_FORMAT: Codes("INVALID_ARGUMENT", 415, "unsupported_media_type"),
    Reason.IMAGE_TOO_LARGE: Codes("INVALID_ARGUMENT", 413, "image_too_large"),
    Reason.IMAGE_FETCH_FAILED: Codes("FAILED_PRECONDITION", 424, "image_fetch_failed"),
    Reason.MISSING_MEASUREMENT: Codes("INVALID_ARGUMENT", 400, "missing_measurement"),
    Reason.UNKNOWN_MEASUREMENT: Codes("INVALID_ARGUMENT", 400, "unknown_measurement"),
    Reason.REPEATED_MEASUREMENT: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.INVALID_SIDE: Codes("INVALID_ARGUMENT", 400, "invalid_side"),
    Reason.UNKNOWN_MODEL: Codes("INVALID_ARGUMENT", 400, "unknown_model"),
    Reason.AMBIGUOUS_MODEL: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.INVALID_KEYPOINTS: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.INVALID_REQUEST: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.UNSUPPORTED_MEDIA_TYPE: Codes("INVALID_ARGUMENT", 415, "unsupported_media_type"),
    Reason.REQUEST_TOO_LARGE: Codes("INVALID_ARGUMENT", 413, "image_too_large"),
    Reason.HEAD_TOO_LARGE: Codes("RESOURCE_EXHAUSTED", 431, "head_too_large"),
    Reason.PERSON_NOT_FOUND: Codes("NOT_FOUND", 422, "person_not_found"),
    Reason.MISSING_API_KEY: Codes("UNAUTHENTICATED", 401, "missing_api_key"),
    Reason.INVALID_API_KEY: Codes("UNAUTHENTICATED", 401, "invalid_api_key"),
    Reason.MISSING_SCOPE: Codes("PERMISSION_DENIED", 403, "missing_scope"),
    Reason.RATE_LIMITED: Codes("RESOURCE_EXHAUSTED", 429, "rate_limited"),
    Reason.QUOTA_EXCEEDED: Codes("RESOURCE_EXHAUSTED", 402, "quota_exceeded"),
    Reason.TOO_MANY_STREAMS: Codes("RESOURCE_EXHAUSTED", 429, "rate_limited"),
    Reason.STORE_UNAVAILABLE: Codes("UNAVAILABLE", 503, "store_unavailable"),
    Reason.KEY_NOT_FOUND: Codes("NOT_FOUND", 404, "not_found"),
    Reason.KEY_EXISTS: Codes("ALREADY_EXISTS", 409, "key_exists"),
    Reason.KEYS_DISABLED: Codes("FAILED_PRECONDITION", 409, "keys_disabled"),
    Reason.NOT_FOUND: Codes("UNIMPLEMENTED", 404, "not_found"),
    Reason.METHOD_NOT_ALLOWED: Codes("UNIMPLEMENTED", 405, "method_not_allowed"),
    Reason.MISSING_STREAM_CONFIG: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.REPEATED_STREAM_CONFIG: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.SEQUENCE_ID_NOT_INCREASING: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.TOO_MANY_BAD_FRAMES: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.STREAM_IDLE: Codes("ABORTED", 408, "request_timeout"),
    Reason.STREAM_TOO_LONG: Codes("ABORTED", 408, "request_timeout"),
    Reason.REQUEST_TIMEOUT: Codes("DEADLINE_EXCEEDED", 408, "request_timeout"),
    Reason.DEADLINE_EXCEEDED: Codes("DEADLINE_EXCEEDED", 503, "overloaded"),
    Reason.OVERLOADED: Codes("UNAVAILABLE", 503, "overloaded"),
    Reason.SERVER_DRAINING: Codes("UNAVAILABLE", 503, "draining"),
    Reason.INTERNAL: Codes("INTERNAL", 500, "internal"),
}
