"""Messages of a stream in any order: what the contract promises comes back, and nothing else."""

import queue
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jointtrack.v1 import image_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.fuzz.conftest import MAX_BAD_FRAMES, MAX_STREAMS, NOBODY, PERSON
from tests.fuzz.leaks import nothing_kept
from tests.fuzz.stream_model import Answer, StreamModel
from tests.support.rich_errors import rich_error
from tests.support.servers import RunningServer
from tests.support.streams import config, frame

EXAMPLES = 100
STEPS = 25
TIMEOUT_S = 120.0
MAX_ID = 2**63 - 1
MAX_DURATION_S = 315_576_000_000

PICTURES = {"person": PERSON, "nobody": NOBODY}
RGB24 = image_pb2.PIXEL_FORMAT_RGB24
BAD_IMAGES = {
    "none": (image_pb2.Image(), "MISSING_IMAGE"),
    "empty": (image_pb2.Image(encoded=b""), "MISSING_IMAGE"),
    "text": (image_pb2.Image(encoded=b"no picture"), "INVALID_IMAGE"),
    "cut": (image_pb2.Image(encoded=PICTURES["person"][:300]), "INVALID_IMAGE"),
    "GIF": (image_pb2.Image(encoded=b"GIF89a"), "UNSUPPORTED_IMAGE_FORMAT"),
    "URL": (image_pb2.Image(url="http://127.0.0.1/picture.jpg"), "IMAGE_FETCH_FAILED"),
    "raw": (
        image_pb2.Image(raw=image_pb2.RawImage(data=b"x", pixel_format=RGB24, width_px=9)),
        "INVALID_IMAGE",
    ),
    "huge": (
        image_pb2.Image(
            raw=image_pb2.RawImage(data=b"x", pixel_format=RGB24, width_px=9000, height_px=9000)
        ),
        "IMAGE_TOO_LARGE",
    ),
}
OPTIONS = service_pb2.DetectOptions(
    model="movenet-lightning", search=service_pb2.SEARCH_MODE_WHOLE_PICTURE
)
"""The fastest there are."""

BAD_CONFIGS = {
    "in flight": (service_pb2.StreamConfig(max_in_flight=1000), "INVALID_REQUEST"),
    "smoothing": (
        service_pb2.StreamConfig(smoothing=service_pb2.Smoothing(strength=float("nan"))),
        "INVALID_REQUEST",
    ),
    "model": (
        service_pb2.StreamConfig(options=service_pb2.DetectOptions(model="no such model")),
        "UNKNOWN_MODEL",
    ),
    "image back": (
        service_pb2.StreamConfig(options=service_pb2.DetectOptions(include_image=True)),
        "INVALID_REQUEST",
    ),
}


class StreamOrder(RuleBasedStateMachine):
    """One stream after the other; what is sent is told to the model, what comes is held against
    it."""

    server: RunningServer
    channel: grpc.Channel

    def __init__(self) -> None:
        super().__init__()
        self.model = StreamModel(MAX_BAD_FRAMES)
        self.next_id = 0
        self.is_over = True
        self._requests: queue.SimpleQueue[bytes | None]
        self._call: Any

    def is_open(self) -> bool:
        return not (self.is_over or self.model.is_done)

    def _send(self, request: service_pb2.StreamDetectRequest) -> None:
        self._requests.put(request.SerializeToString())

    @precondition(lambda self: self.is_over)
    @rule(
        first=st.sampled_from((*["config"] * 8, "nothing", *BAD_CONFIGS)),
        overflow=st.integers(0, 2),
        max_in_flight=st.integers(0, 4),
        measurements=st.lists(st.integers(1, 19), unique=True, max_size=2),
        smoothing=st.integers(0, 2),
    )
    def open(
        self,
        first: str,
        overflow: Any,
        max_in_flight: int,
        measurements: list[Any],
        smoothing: Any,
    ) -> None:
        self.model, self.next_id, self.is_over = StreamModel(MAX_BAD_FRAMES), 0, False
        self._requests = queue.SimpleQueue()
        call: Any = self.channel.stream_stream(
            "/jointtrack.v1.JointTrackService/StreamDetect",
            response_deserializer=Answer.FromString,
        )
        self._call = call(
            iter(self._requests.get, None), metadata=self.server.metadata, timeout=TIMEOUT_S
        )
        if first == "config":
            good = service_pb2.StreamConfig(
                options=OPTIONS,
                overflow=overflow,
                max_in_flight=max_in_flight,
                smoothing=service_pb2.Smoothing(mode=smoothing),
            )
            good.options.measurements.extend(measurements)
            self._configure(good, None)
        elif first in BAD_CONFIGS:
            self._configure(*BAD_CONFIGS[first])

    def _configure(self, stream_config: service_pb2.StreamConfig, refused_for: str | None) -> None:
        self._send(service_pb2.StreamDetectRequest(config=stream_config))
        self.model.configured(stream_config, refused_for)

    @precondition(is_open)
    @rule(message=st.sampled_from(("config", "nothing", "garbage")))
    def send_what_may_end_it(self, message: str) -> None:
        match message:
            case "config":
                self._configure(service_pb2.StreamConfig(options=OPTIONS), None)
            case "nothing":
                self._send(service_pb2.StreamDetectRequest())
                self.model.sent_nothing()
            case _:
                self._requests.put(b"\x12\x80\x80")
                self.model.sent_garbage()

    @precondition(is_open)
    @rule(
        gap=st.integers(0, 5),
        count=st.sampled_from((1, 1, 1, 2, 12, 50)),
        picture=st.sampled_from(list(PICTURES)),
    )
    def send_frames(self, gap: int, count: int, picture: str) -> None:
        for _ in range(count):
            self.next_id = min(self.next_id + 1 + gap, MAX_ID)
            self._send(frame(self.next_id, PICTURES[picture]))
            self.model.framed(self.next_id, "")

    @precondition(is_open)
    @rule(
        bad=st.sampled_from(list(BAD_IMAGES)), count=st.sampled_from((1, 1, 1, MAX_BAD_FRAMES + 1))
    )
    def send_bad_frames(self, bad: str, count: int) -> None:
        image, reason = BAD_IMAGES[bad]
        for _ in range(count):
            self.next_id = min(self.next_id + 1, MAX_ID)
            one = service_pb2.Frame(sequence_id=self.next_id, image=image)
            self._send(service_pb2.StreamDetectRequest(frame=one))
            self.model.framed(self.next_id, reason)

    @precondition(is_open)
    @rule(sequence_id=st.integers(-2, 3) | st.sampled_from((-(2**63), MAX_ID)))
    def send_frame_with_any_id(self, sequence_id: int) -> None:
        image = image_pb2.Image(encoded=PICTURES["nobody"])
        one = service_pb2.Frame(sequence_id=sequence_id, image=image)
        self._send(service_pb2.StreamDetectRequest(frame=one))
        self.model.framed(sequence_id, "")
        self.next_id = max(self.next_id, sequence_id)

    @precondition(is_open)
    @rule(
        seconds=st.integers(-5, 5)
        | st.sampled_from((-(2**63), -MAX_DURATION_S, MAX_DURATION_S, MAX_DURATION_S + 1, MAX_ID)),
        nanos=st.sampled_from((0, 5, -5, 10**9 - 1, 1 - 10**9, 10**9, -(2**31), 2**31 - 1)),
    )
    def send_frame_at_any_time(self, seconds: int, nanos: int) -> None:
        self.next_id = min(self.next_id + 1, MAX_ID)
        request = frame(self.next_id, PICTURES["person"])
        request.frame.capture_offset.CopyFrom(Duration(seconds=seconds, nanos=nanos))
        self._send(request)
        is_duration = abs(seconds) <= MAX_DURATION_S and abs(nanos) < 10**9
        self.model.framed(self.next_id, "" if is_duration else "INVALID_REQUEST")

    @precondition(is_open)
    @rule()
    def ask_for_summary(self) -> None:
        self._send(service_pb2.StreamDetectRequest(summary_request=service_pb2.SummaryRequest()))
        self.model.asked_for_summary()

    @precondition(lambda self: not self.is_over)
    @rule(count=st.integers(1, 5))
    def read(self, count: int) -> None:
        while self.model.expected and count:
            self.model.check(next(self._call))
            count -= 1

    @precondition(is_open)
    @rule()
    def half_close(self) -> None:
        self._requests.put(None)
        self.model.half_closed()

    @precondition(lambda self: not self.is_over)
    @rule()
    def cancel(self) -> None:
        self._call.cancel()
        self._requests.put(None)
        self.is_over = True

    @precondition(lambda self: self.model.is_done and not self.is_over)
    @rule()
    def read_to_the_end(self) -> None:
        self._finish()

    def _finish(self) -> None:
        """Reads what is left; then the stream ends as the model says, and with nothing more."""
        self.is_over = True
        while self.model.expected:
            self.model.check(next(self._call))
        if self.model.end is None:
            assert list(self._call) == []
            assert self._call.code() is grpc.StatusCode.OK
            return
        with pytest.raises(grpc.RpcError) as caught:
            next(self._call)
        assert rich_error(caught.value).info.reason == self.model.end

    def teardown(self) -> None:
        if not self.is_over:
            if not self.model.is_done:
                self.half_close()
            self._finish()
        stub = JointTrackServiceStub(self.channel)
        info = stub.GetServerInfo(
            service_pb2.GetServerInfoRequest(), metadata=self.server.metadata, timeout=TIMEOUT_S
        )
        assert info.limits.max_bad_frames == MAX_BAD_FRAMES


@pytest.fixture
def machine(fuzzed: RunningServer) -> Iterator[type[StreamOrder]]:
    with grpc.insecure_channel(fuzzed.target) as channel:
        # Loads the model, and lets gRPC open what it keeps.
        requests = [config(options=OPTIONS), frame(0, PICTURES["person"])]
        list(JointTrackServiceStub(channel).StreamDetect(iter(requests), metadata=fuzzed.metadata))
        with nothing_kept(fuzzed):
            yield type("StreamOrder", (StreamOrder,), {"server": fuzzed, "channel": channel})


def test_messages_in_any_order_are_answered_as_promised(machine: type[StreamOrder]) -> None:
    """Streams that are not given back would run out: there are few of them."""
    assert MAX_STREAMS < EXAMPLES
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
