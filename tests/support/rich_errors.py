"""Rich gRPC errors, read the way any client reads them."""

from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

_Detail = TypeVar("_Detail", bound=Message)


@dataclass(frozen=True)
class RichError:
    """A failed call's code, message, ErrorInfo and first field violation."""

    code: grpc.StatusCode
    message: str
    status: status_pb2.Status
    request_id: str

    def detail(self, kind: type[_Detail]) -> _Detail | None:
        found = kind()
        for one in self.status.details:
            if one.Unpack(found):
                return found
        return None

    @property
    def info(self) -> error_details_pb2.ErrorInfo:
        info = self.detail(error_details_pb2.ErrorInfo)
        assert info is not None
        return info

    @property
    def field(self) -> str:
        violations = self.detail(error_details_pb2.BadRequest)
        assert violations is not None
        return str(violations.field_violations[0].field)


def rich_error(error: grpc.RpcError) -> RichError:
    assert isinstance(error, grpc.Call)
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    rich = RichError(error.code(), error.details() or "", status, str(trailers["x-request-id"]))
    assert status.code == rich.code.value[0]
    assert status.message == rich.message
    assert rich.info.domain == "jointtrack"
    assert rich.info.metadata["request_id"] == rich.request_id
    return rich
