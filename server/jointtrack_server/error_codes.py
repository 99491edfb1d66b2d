"""The one table of how each reason is answered, for every transport."""

from typing import NamedTuple

from jointtrack_server.errors import Reason


class Codes(NamedTuple):
    """gRPC status name, HTTP status and the REST API's ``error.code``."""

    grpc: str
    http: int
    rest: str


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
    Reason.PERSON_NOT_FOUND: Codes("NOT_FOUND", 422, "person_not_found"),
    Reason.MISSING_API_KEY: Codes("UNAUTHENTICATED", 401, "missing_api_key"),
    Reason.INVALID_API_KEY: Codes("UNAUTHENTICATED", 401, "invalid_api_key"),
    Reason.NOT_FOUND: Codes("UNIMPLEMENTED", 404, "not_found"),
    Reason.METHOD_NOT_ALLOWED: Codes("UNIMPLEMENTED", 405, "method_not_allowed"),
    Reason.MISSING_STREAM_CONFIG: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.REPEATED_STREAM_CONFIG: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.SEQUENCE_ID_NOT_INCREASING: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.TOO_MANY_BAD_FRAMES: Codes("INVALID_ARGUMENT", 400, "invalid_request"),
    Reason.DEADLINE_EXCEEDED: Codes("DEADLINE_EXCEEDED", 503, "overloaded"),
    Reason.OVERLOADED: Codes("UNAVAILABLE", 503, "overloaded"),
    Reason.SERVER_DRAINING: Codes("UNAVAILABLE", 503, "draining"),
    Reason.INTERNAL: Codes("INTERNAL", 500, "internal"),
}
