"""Reflection, as generic clients use it: they list, describe and call without our .proto files."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from jointtrack_server.grpc_api.reflection import V1, V1ALPHA
from jointtrack_server.grpc_api.server import ADMIN_SERVICE_NAME, SERVICE_NAME
from tests.support.servers import RunningServer
from tests.support.waiting import WAIT_S

Request = reflection_pb2.ServerReflectionRequest
Response = reflection_pb2.ServerReflectionResponse
Ask = Callable[[Any], Any]

NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]


def calling(channel: grpc.Channel, version: str) -> Any:
    return channel.stream_stream(
        f"/{version}/ServerReflectionInfo", Request.SerializeToString, Response.FromString
    )


def asking(channel: grpc.Channel, version: str) -> Ask:
    """One question, one answer."""

    def ask(request: Any) -> Any:
        (answer,) = calling(channel, version)(iter([request]), timeout=WAIT_S)
        return answer

    return ask


@pytest.fixture
def channel(server: RunningServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.target) as channel:
        yield channel


@pytest.fixture(params=[V1, V1ALPHA])
def ask(channel: grpc.Channel, request: pytest.FixtureRequest) -> Ask:
    return asking(channel, request.param)


def files(answer: Any) -> list[str]:
    proto = answer.file_descriptor_response.file_descriptor_proto
    return [FileDescriptorProto.FromString(one).name for one in proto]


def test_all_services_are_listed(ask: Ask) -> None:
    listed = ask(Request(list_services="")).list_services_response.service
    assert {one.name for one in listed} == {
        SERVICE_NAME,
        ADMIN_SERVICE_NAME,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        (SERVICE_NAME, "jointtrack/v1/jointtrack_service.proto"),
        (f"{SERVICE_NAME}.Detect", "jointtrack/v1/jointtrack_service.proto"),
        ("jointtrack.v1.Detection.people", "jointtrack/v1/jointtrack_service.proto"),
        ("google.rpc.ErrorInfo", "google/rpc/error_details.proto"),
        ("grpc.reflection.v1.ServerReflection", "grpc_reflection/v1/reflection.proto"),
        ("grpc.reflection.v1alpha.ErrorResponse", "grpc_reflection/v1alpha/reflection.proto"),
    ],
)
def test_symbols_lead_to_their_file(ask: Ask, symbol: str, file: str) -> None:
    answer = ask(Request(file_containing_symbol=symbol))
    assert file in files(answer)
    assert file in files(ask(Request(file_by_filename=file)))


@pytest.mark.parametrize("symbol", ["jointtrack.v1.Other", "google.protobuf.Struct", "", "."])
def test_what_does_not_exist(ask: Ask, symbol: str) -> None:
    """Neither does what only others in the server's process know."""
    for request in (
        Request(file_containing_symbol=symbol),
        Request(file_by_filename=symbol),
        Request(all_extension_numbers_of_type=symbol),
        Request(
            file_containing_extension=reflection_pb2.ExtensionRequest(
                containing_type=symbol, extension_number=1
            )
        ),
    ):
        assert ask(request).error_response.error_code == NOT_FOUND
    assert ask(Request()).error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_a_client_without_our_protos_finds_the_people(
    channel: grpc.Channel, server: RunningServer, photo: bytes
) -> None:
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    detect = pool.FindServiceByName(SERVICE_NAME).FindMethodByName("Detect")
    asked, answered = (GetMessageClass(one) for one in (detect.input_type, detect.output_type))
    request: Any = asked()
    request.image.encoded = photo
    call: Any = channel.unary_unary(
        f"/{SERVICE_NAME}/Detect", asked.SerializeToString, answered.FromString
    )
    answer = call(request, metadata=server.metadata, timeout=WAIT_S)
    assert len(answer.detection.people) == 1
    assert len(answer.detection.people[0].keypoints) == 17


def test_it_can_be_turned_off(start_server: Callable[..., RunningServer]) -> None:
    server = start_server(reflection=False, preload="none")
    with grpc.insecure_channel(server.target) as channel:
        for version in (V1, V1ALPHA):
            with pytest.raises(grpc.RpcError) as caught:
                asking(channel, version)(Request(list_services=""))
            assert isinstance(caught.value, grpc.Call)
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_an_open_call_does_not_hold_up_the_stop(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server(preload="none", drain_grace_s=600.0)
    done = threading.Event()

    def requests() -> Iterator[Any]:
        yield Request(list_services="")
        done.wait(WAIT_S)

    with grpc.insecure_channel(server.target) as channel:
        answers = calling(channel, V1)(requests())
        assert next(answers).HasField("list_services_response")
        server.stop(WAIT_S)
        assert list(answers) == []
        done.set()
