"""The AdminService of a fake server: keys in memory, and scripts over them."""

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from jointtrack._failures import key_not_found
from jointtrack._script import Failure, Script
from jointtrack.v1 import admin_service_pb2 as pb
from jointtrack.v1 import admin_service_pb2_grpc as pb_grpc

PLANS = (
    pb.Plan(name="trial", month_pictures=1000, minute_requests=60, max_streams=1),
    pb.Plan(name="unlimited"),
)


class FakeAdmin(pb_grpc.AdminServiceServicer):
    """``create_key``, ``list_keys``, ``revoke_key``, ``rotate_key`` and ``list_plans`` are Scripts.

    By default they do what a server does with ``keys`` (by id), which begin empty. A FakeServer
    lets calls in whatever keys there are.
    """

    def __init__(self, respond: Callable[[Script[Any, Any], Any, Any], Any]) -> None:
        self.keys: dict[str, pb.ApiKey] = {}
        self.create_key: Script[pb.CreateKeyRequest, pb.CreateKeyResponse] = Script(self._create)
        self.list_keys: Script[pb.ListKeysRequest, pb.ListKeysResponse] = Script(
            lambda _: pb.ListKeysResponse(keys=self.keys.values())
        )
        self.revoke_key: Script[pb.RevokeKeyRequest, pb.RevokeKeyResponse] = Script(self._revoke)
        self.rotate_key: Script[pb.RotateKeyRequest, pb.RotateKeyResponse] = Script(self._rotate)
        self.list_plans: Script[pb.ListPlansRequest, pb.ListPlansResponse] = Script(
            lambda _: pb.ListPlansResponse(plans=PLANS)
        )
        self._respond = respond
        self._texts = 0

    def CreateKey(  # noqa: N802
        self, request: pb.CreateKeyRequest, context: grpc.ServicerContext
    ) -> pb.CreateKeyResponse:
        response: pb.CreateKeyResponse = self._respond(self.create_key, request, context)
        return response

    def ListKeys(  # noqa: N802
        self, request: pb.ListKeysRequest, context: grpc.ServicerContext
    ) -> pb.ListKeysResponse:
        response: pb.ListKeysResponse = self._respond(self.list_keys, request, context)
        return response

    def RevokeKey(  # noqa: N802
        self, request: pb.RevokeKeyRequest, context: grpc.ServicerContext
    ) -> pb.RevokeKeyResponse:
        response: pb.RevokeKeyResponse = self._respond(self.revoke_key, request, context)
        return response

    def RotateKey(  # noqa: N802
        self, request: pb.RotateKeyRequest, context: grpc.ServicerContext
    ) -> pb.RotateKeyResponse:
        response: pb.RotateKeyResponse = self._respond(self.rotate_key, request, context)
        return response

    def ListPlans(  # noqa: N802
        self, request: pb.ListPlansRequest, context: grpc.ServicerContext
    ) -> pb.ListPlansResponse:
        response: pb.ListPlansResponse = self._respond(self.list_plans, request, context)
        return response

    def _create(self, request: pb.CreateKeyRequest) -> pb.CreateKeyResponse:
        key = pb.ApiKey(
            key_id=f"{len(self.keys) + 1:08x}",
            name=request.name,
            scopes=request.scopes or (pb.SCOPE_DETECT, pb.SCOPE_STREAM),
            plan=request.plan or "unlimited",
            create_time=_now(),
            expire_time=request.expire_time if request.HasField("expire_time") else None,
            certificate_name=request.certificate_name,
        )
        self.keys[key.key_id] = key
        return pb.CreateKeyResponse(key=key, key_text=self._text(key))

    def _revoke(self, request: pb.RevokeKeyRequest) -> pb.RevokeKeyResponse | Failure:
        key = self._valid(request.key_id)
        if key is None:
            return key_not_found(request.key_id)
        key.revoke_time.CopyFrom(_now())
        return pb.RevokeKeyResponse(key=key)

    def _rotate(self, request: pb.RotateKeyRequest) -> pb.RotateKeyResponse | Failure:
        key = self._valid(request.key_id)
        if key is None:
            return key_not_found(request.key_id)
        return pb.RotateKeyResponse(key=key, key_text=self._text(key))

    def _valid(self, key_id: str) -> pb.ApiKey | None:
        key = self.keys.get(key_id)
        return None if key is None or key.HasField("revoke_time") else key

    def _text(self, key: pb.ApiKey) -> str:
        self._texts += 1
        return f"jt_{key.key_id}_{self._texts:032d}"


def _now() -> Timestamp:
    now = Timestamp()
    now.GetCurrentTime()
    return now
