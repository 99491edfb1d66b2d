"""Messages of the AdminService from arguments and to records. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from jointtrack import _enums
from jointtrack._arguments import names, numbers, optional_text, text
from jointtrack.errors import FieldViolation, InvalidRequestError
from jointtrack.frames import NANOSECONDS
from jointtrack.types import ApiKey, IssuedKey, Plan
from jointtrack.v1 import admin_service_pb2 as pb


def create_key_request(
    name: str,
    *,
    scopes: str | Iterable[str],
    plan: str | None,
    expires_at: datetime | None,
    certificate_name: str | None,
) -> pb.CreateKeyRequest:
    """Raises InvalidRequestError for an unknown scope and for a time without its time zone."""
    return pb.CreateKeyRequest(
        name=text("name", name),
        scopes=[_enums.SCOPES.number(scope) for scope in names("scopes", scopes)],
        plan=optional_text("plan", plan),
        expire_time=None if expires_at is None else _timestamp(expires_at),
        certificate_name=optional_text("certificate_name", certificate_name),
    )


def revoke_key_request(key_id: str) -> pb.RevokeKeyRequest:
    return pb.RevokeKeyRequest(key_id=text("key_id", key_id))


def rotate_key_request(key_id: str, overlap_s: float) -> pb.RotateKeyRequest:
    (overlap_s,) = numbers("overlap_s", (overlap_s,), 1, "seconds")
    overlap = Duration()
    overlap.FromNanoseconds(round(overlap_s * NANOSECONDS))
    return pb.RotateKeyRequest(key_id=text("key_id", key_id), overlap=overlap)


def issued_key(response: pb.CreateKeyResponse | pb.RotateKeyResponse) -> IssuedKey:
    return IssuedKey(api_key(response.key), response.key_text)


def api_key(message: pb.ApiKey) -> ApiKey:
    return ApiKey(
        key_id=message.key_id,
        name=message.name,
        scopes=tuple(_enums.SCOPES.name(item) for item in message.scopes),
        plan=message.plan,
        created_at=message.create_time.ToDatetime(UTC),
        expires_at=message.expire_time.ToDatetime(UTC) if message.HasField("expire_time") else None,
        revoked_at=message.revoke_time.ToDatetime(UTC) if message.HasField("revoke_time") else None,
        certificate_name=message.certificate_name or None,
        month_pictures=message.month_pictures,
    )


def api_keys(response: pb.ListKeysResponse) -> tuple[ApiKey, ...]:
    return tuple(api_key(item) for item in response.keys)


def plans(response: pb.ListPlansResponse) -> tuple[Plan, ...]:
    return tuple(
        Plan(
            name=item.name,
            month_pictures=item.month_pictures if item.HasField("month_pictures") else None,
            minute_requests=item.minute_requests if item.HasField("minute_requests") else None,
            max_streams=item.max_streams if item.HasField("max_streams") else None,
        )
        for item in response.plans
    )


def _timestamp(moment: datetime) -> Timestamp:
    if not isinstance(moment, datetime):
        raise TypeError(f"expires_at must be a datetime, not {type(moment).__name__}.")
    if moment.tzinfo is None:
        message = f"{moment} has no time zone; give one, such as datetime(..., tzinfo=UTC)."
        raise InvalidRequestError(
            message,
            code="INVALID_ARGUMENT",
            reason="INVALID_REQUEST",
            metadata={"value": str(moment)},
            field_violations=(FieldViolation("expire_time", message),),
        )
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
