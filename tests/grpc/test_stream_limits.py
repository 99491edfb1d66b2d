"""What a stream may not do for long: be silent, live on, or come in numbers."""

import threading
from collections.abc import Callable, Iterator

import grpc
import pytest

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.rich_errors import RichError, rich_error
from tests.support.servers import DATA, RunningServer
from tests.support.streams import await_idle, config, frame

PHOTO = (DATA / "arms_out_front.jpg").read_bytes()


class Sender:
    """Sends its messages, then stays silent until it is closed."""

    def __init__(self, *messages: service_pb2.StreamDetectRequest) -> None:
        self._messages = messages
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[service_pb2.StreamDetectRequest]:
        yield from self._messages
        self._closed.wait(30)

    def close(self) -> None:
        self._closed.set()


def end_of(server: RunningServer, sender: Sender) -> tuple[int, RichError]:
    """The answers before the stream's end, and its status."""
    answers = 0
    with grpc.insecure_channel(server.target) as channel:
        calls = JointTrackServiceStub(channel).StreamDetect(iter(sender), metadata=server.metadata)
        with pytest.raises(grpc.RpcError) as caught:
            for _ in calls:
                answers += 1
        sender.close()
    return answers, rich_error(caught.value)


def answers_a_stream(server: RunningServer) -> None:
    with grpc.insecure_channel(server.target) as channel:
        requests = iter([config(), frame(0, PHOTO)])
        answers = list(
            JointTrackServiceStub(channel).StreamDetect(requests, metadata=server.metadata)
        )
    assert [one.WhichOneof("outcome") for one in answers] == ["detection"]
    await_idle(server)


@pytest.mark.parametrize(
    "messages", [(), (config(),), (config(), frame(0, PHOTO))], ids=["nothing", "config", "frame"]
)
def test_a_silent_stream_is_ended(
    start_server: Callable[..., RunningServer], messages: tuple[service_pb2.StreamDetectRequest]
) -> None:
    server = start_server(max_stream_idle_s=0.5)
    answers, error = end_of(server, Sender(*messages))
    assert answers == max(0, len(messages) - 1)
    assert (error.code, error.info.reason) == (grpc.StatusCode.ABORTED, "STREAM_IDLE")
    assert error.info.metadata["max_idle_s"] == "0.5"
    assert "0.5 s" in error.message
    answers_a_stream(server)


def test_messages_keep_a_stream_alive(start_server: Callable[..., RunningServer]) -> None:
    server = start_server(max_stream_idle_s=1.0)
    pause = threading.Event()

    def slow() -> Iterator[service_pb2.StreamDetectRequest]:
        yield config()
        for number in range(6):
            pause.wait(0.4)
            yield frame(number, PHOTO)

    with grpc.insecure_channel(server.target) as channel:
        calls = JointTrackServiceStub(channel).StreamDetect(slow(), metadata=server.metadata)
        assert len(list(calls)) == 6


def test_a_stream_that_grows_too_old_is_ended(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server(max_stream_s=0.7)
    pause = threading.Event()

    def endless() -> Iterator[service_pb2.StreamDetectRequest]:
        yield config()
        for number in range(1000):
            yield frame(number, PHOTO)
            pause.wait(0.05)

    with grpc.insecure_channel(server.target) as channel:
        calls = JointTrackServiceStub(channel).StreamDetect(endless(), metadata=server.metadata)
        with pytest.raises(grpc.RpcError) as caught:
            list(calls)
    error = rich_error(caught.value)
    assert (error.code, error.info.reason) == (grpc.StatusCode.ABORTED, "STREAM_TOO_LONG")
    assert error.info.metadata["max_stream_s"] == "0.7"
    answers_a_stream(server)


def test_a_key_may_have_so_many_streams_at_once(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server(max_streams_per_key=2)
    senders = [Sender(config(), frame(0, PHOTO)) for _ in range(2)]
    with grpc.insecure_channel(server.target) as channel:
        stub = JointTrackServiceStub(channel)
        calls = [stub.StreamDetect(iter(one), metadata=server.metadata) for one in senders]
        for call in calls:
            assert next(call).sequence_id == 0
        _, error = end_of(server, Sender(config()))
        assert (error.code, error.info.reason) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "TOO_MANY_STREAMS",
        )
        assert "2" in error.info.metadata.values()
        senders[0].close()
        assert list(calls[0]) == []
        requests = iter([config(), frame(0, PHOTO)])
        assert len(list(stub.StreamDetect(requests, metadata=server.metadata))) == 1
        senders[1].close()
        assert list(calls[1]) == []
