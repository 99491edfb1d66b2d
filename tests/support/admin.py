"""AdminService as its tests call it."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from jointtrack.v1 import admin_service_pb2 as pb
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.admin_service_pb2_grpc import AdminServiceStub
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.rich_errors import RichError, rich_error

Metadata = tuple[tuple[str, str], ...]

REQUESTS = {
    "CreateKey": pb.CreateKeyRequest(name="clinic"),
    "ListKeys": pb.ListKeysRequest(),
    "RevokeKey": pb.RevokeKeyRequest(key_id="00000000"),
    "RotateKey": pb.RotateKeyRequest(key_id="00000000"),
    "ListPlans": pb.ListPlansRequest(),
}


class Admin:
    """Calls by name with the server's first key, which may do everything."""

    def __init__(self, channel: grpc.Channel, metadata: Metadata) -> None:
        self._stub = AdminServiceStub(channel)
        self._metadata = metadata

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        return lambda request: getattr(self._stub, name)(request, metadata=self._metadata)

    def create(self, **fields: Any) -> tuple[pb.ApiKey, Metadata]:
        """A new key, and the metadata of a caller who has it."""
        made = self.CreateKey(pb.CreateKeyRequest(**({"name": "clinic"} | fields)))
        return made.key, (("x-api-key", made.key_text),)

    def find(self, key_id: str) -> pb.ApiKey:
        keys = self.ListKeys(pb.ListKeysRequest()).keys
        found: list[pb.ApiKey] = [key for key in keys if key.key_id == key_id]
        (key,) = found
        return key


def refusal(call: Callable[[], object]) -> RichError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return rich_error(caught.value)


def is_admitted(service: JointTrackServiceStub, metadata: Metadata) -> bool:
    """Whether the key opens; a refusal for any other reason is a failure."""
    try:
        service.GetServerInfo(service_pb2.GetServerInfoRequest(), metadata=metadata)
    except grpc.RpcError as error:
        reason = rich_error(error).info.reason
    else:
        return True
    assert reason == "INVALID_API_KEY"
    return False
