"""The administrator's service: keys and plans, by way of the key store."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from jointtrack.v1 import admin_service_pb2 as pb
from jointtrack.v1.admin_service_pb2_grpc import AdminServiceServicer
from jointtrack_server.access.caller import UNLIMITED, Plan, Scope
from jointtrack_server.access.refusals import keys_disabled
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.grpc_api.enums import SCOPE_FROM_PB, SCOPE_TO_PB
from jointtrack_server.grpc_api.interceptor import Context

if TYPE_CHECKING:
    from jointtrack_server.access.keys import ApiKey, KeyStore

_DEFAULT_SCOPES = frozenset({Scope.DETECT, Scope.STREAM})


@dataclass(frozen=True, slots=True)
class AdminServicer(AdminServiceServicer):
    """``keys`` is None on a server that runs without keys. The store blocks: it is asked on a
    thread.
    """

    keys: "KeyStore | None"

    async def CreateKey(  # noqa: N802
        self, request: pb.CreateKeyRequest, context: Context
    ) -> pb.CreateKeyResponse:
        text, key = await asyncio.to_thread(
            self._store.create,
            request.name,
            scopes=_scopes(request.scopes) or _DEFAULT_SCOPES,
            plan=request.plan or UNLIMITED.name,
            expire_at=_moment(request.expire_time) if request.HasField("expire_time") else None,
            certificate_name=request.certificate_name or None,
        )
        return pb.CreateKeyResponse(key=to_key_pb(key), key_text=text)

    async def ListKeys(  # noqa: N802
        self, request: pb.ListKeysRequest, context: Context
    ) -> pb.ListKeysResponse:
        keys = await asyncio.to_thread(self._store.list)
        return pb.ListKeysResponse(keys=[to_key_pb(key) for key in keys])

    async def RevokeKey(  # noqa: N802
        self, request: pb.RevokeKeyRequest, context: Context
    ) -> pb.RevokeKeyResponse:
        key = await asyncio.to_thread(self._store.revoke, _key_id(request.key_id))
        return pb.RevokeKeyResponse(key=to_key_pb(key))

    async def RotateKey(  # noqa: N802
        self, request: pb.RotateKeyRequest, context: Context
    ) -> pb.RotateKeyResponse:
        text, key = await asyncio.to_thread(
            self._store.rotate, _key_id(request.key_id), _overlap(request.overlap)
        )
        return pb.RotateKeyResponse(key=to_key_pb(key), key_text=text)

    async def ListPlans(  # noqa: N802
        self, request: pb.ListPlansRequest, context: Context
    ) -> pb.ListPlansResponse:
        plans = await asyncio.to_thread(self._store.plans)
        return pb.ListPlansResponse(plans=[to_plan_pb(plan) for plan in plans])

    @property
    def _store(self) -> "KeyStore":
        if self.keys is None:
            raise keys_disabled()
        return self.keys


def to_key_pb(key: "ApiKey") -> pb.ApiKey:
    return pb.ApiKey(
        key_id=key.id,
        name=key.name,
        scopes=[SCOPE_TO_PB[scope] for scope in Scope if scope in key.scopes],
        plan=key.plan,
        create_time=_timestamp(key.created_at),
        expire_time=_timestamp(key.expire_at) if key.expire_at else None,
        revoke_time=_timestamp(key.revoked_at) if key.revoked_at else None,
        certificate_name=key.certificate_name or "",
        month_pictures=key.month_pictures,
    )


def to_plan_pb(plan: Plan) -> pb.Plan:
    return pb.Plan(
        name=plan.name,
        month_pictures=plan.month_pictures,
        minute_requests=plan.minute_requests,
        max_streams=plan.max_streams,
    )


def _scopes(values: Iterable[int]) -> frozenset[Scope]:
    scopes = set()
    for value in values:
        if value not in SCOPE_FROM_PB:
            accepted = ", ".join(f"SCOPE_{scope.name} ({SCOPE_TO_PB[scope]})" for scope in Scope)
            raise JointTrackError(
                Reason.INVALID_REQUEST,
                f"{value} is not a scope; use {accepted}.",
                field="scopes",
                metadata={"value": value, "accepted": accepted},
            )
        scopes.add(SCOPE_FROM_PB[value])
    return frozenset(scopes)


def _key_id(key_id: str) -> str:
    if not key_id:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            "No key was named. Give its key_id; ListKeys knows them all.",
            field="key_id",
        )
    return key_id


def _moment(timestamp: Timestamp) -> datetime:
    try:
        return timestamp.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            "expire_time is outside of what a timestamp may be: the years 1 to 9999, with 0 to "
            "999,999,999 nanoseconds.",
            field="expire_time",
            metadata={"seconds": timestamp.seconds, "nanos": timestamp.nanos},
        ) from error


def _overlap(duration: Duration) -> timedelta:
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError) as error:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"An overlap of {duration.seconds} s is outside of what a duration may be. Give 0 to "
            "30 days.",
            field="overlap",
            metadata={"seconds": duration.seconds, "nanos": duration.nanos},
        ) from error


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
