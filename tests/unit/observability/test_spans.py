"""Spans as the SDK keeps them: what a stream of hours costs, what is left open, what is marked."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from jointtrack_server.domain.types import ImageSize
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.observability.metrics import Metrics
from jointtrack_server.observability.observer import Called, ObservedRequest, Observer
from jointtrack_server.observability.spans import DENSE_FRAMES
from jointtrack_server.observability.tracing import Tracing
from jointtrack_server.pipeline.frames import Dropped
from jointtrack_server.pipeline.options import Detection, Timings

SEEN = Detection(ImageSize(640, 480), (), Timings())
DROPPED = Dropped(1)
BAD = JointTrackError(Reason.INVALID_IMAGE, "no picture")
FAILED = JointTrackError(Reason.INTERNAL, "failed")


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Iterator[Tracing]:
    tracing = Tracing(SimpleSpanProcessor(exporter), exporter, "1.0")
    yield tracing
    tracing.close()


@pytest.fixture
def stream(tracing: Tracing) -> ObservedRequest:
    observer = Observer(Metrics(), tracing=tracing)
    called = Called("jointtrack.v1.JointTrackService/StreamDetect", {"rpc.system.name": "grpc"})
    return observer.request("grpc", "StreamDetect", {}, called=called, is_stream=True)


def frames(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == "frame"]


def attribute(span: ReadableSpan, name: str) -> object:
    return (span.attributes or {}).get(f"jointtrack.{name}")


def test_a_long_stream_has_fewer_and_fewer_frames_with_a_span(
    exporter: InMemorySpanExporter, stream: ObservedRequest
) -> None:
    count = 18_000  # ten minutes
    with stream as observed:
        assert observed.trace is not None
        for number in range(count):
            observed.trace.frame(number).answered(SEEN)
    found = frames(exporter)
    sequence_ids = [attribute(span, "frame.sequence_id") for span in found]
    assert sequence_ids[: DENSE_FRAMES + 2] == [*range(DENSE_FRAMES), 100, 102]
    assert len(found) < 9 * DENSE_FRAMES
    shares = [int(str(attribute(span, "frame.one_of"))) for span in found]
    assert sum(shares) == pytest.approx(count, rel=0.02)
    last = sequence_ids[-1]
    assert isinstance(last, int)
    assert last > 0.98 * count


def test_what_goes_wrong_with_frames_without_a_span_is_kept_by_the_stream(
    exporter: InMemorySpanExporter, stream: ObservedRequest
) -> None:
    wrong: dict[int, Dropped | JointTrackError] = {DENSE_FRAMES + 1: DROPPED, DENSE_FRAMES + 3: BAD}
    with stream as observed:
        assert observed.trace is not None
        for number in range(DENSE_FRAMES + 10):
            frame = observed.trace.frame(number)
            frame.stage("decode", time.perf_counter(), time.perf_counter(), None)
            frame.answered(wrong.get(number, SEEN))
    *_, whole = exporter.get_finished_spans()
    assert [(event.name, dict(event.attributes or {})) for event in whole.events] == [
        (
            "frame dropped",
            {"jointtrack.frame.sequence_id": 101, "jointtrack.code": "DROPPED"},
        ),
        (
            "frame failed",
            {"jointtrack.frame.sequence_id": 103, "jointtrack.code": "INVALID_IMAGE"},
        ),
    ]
    assert sum(span.name == "decode" for span in exporter.get_finished_spans()) == 105


@pytest.mark.parametrize(
    ("outcome", "code", "status"),
    [
        (SEEN, None, StatusCode.UNSET),
        (DROPPED, "DROPPED", StatusCode.UNSET),
        (BAD, "INVALID_IMAGE", StatusCode.UNSET),
        (FAILED, "INTERNAL", StatusCode.ERROR),
    ],
)
def test_only_what_the_server_did_wrong_is_an_error(
    exporter: InMemorySpanExporter,
    stream: ObservedRequest,
    outcome: Detection | Dropped | JointTrackError,
    code: str | None,
    status: StatusCode,
) -> None:
    with stream as observed:
        assert observed.trace is not None
        observed.trace.frame(7).answered(outcome)
    (found,) = frames(exporter)
    assert attribute(found, "code") == code
    assert found.status.status_code is status
    error_type = (found.attributes or {}).get("error.type")
    assert error_type == (code if status is StatusCode.ERROR else None)


def test_a_frame_that_is_not_answered_ends_with_its_stream(
    exporter: InMemorySpanExporter, stream: ObservedRequest
) -> None:
    with stream as observed:
        assert observed.trace is not None
        observed.trace.frame(0)
        observed.code = "CANCELLED"
    (frame, whole) = exporter.get_finished_spans()
    assert attribute(frame, "code") == "CANCELLED"
    assert (whole.attributes or {})["rpc.response.status_code"] == "CANCELLED"
    assert whole.status.status_code is StatusCode.UNSET


def test_a_jump_of_the_clock_moves_no_stage_out_of_its_request(
    exporter: InMemorySpanExporter, stream: ObservedRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stream as observed:
        assert observed.trace is not None
        monkeypatch.setattr(time, "time_ns", lambda: 0)
        now_s = time.perf_counter()
        observed.trace.stage("decode", now_s, now_s + 0.001, None)
        time.sleep(0.002)
    stage, whole = exporter.get_finished_spans()
    assert whole.start_time is not None
    assert stage.start_time is not None
    assert stage.end_time is not None
    assert whole.end_time is not None
    assert whole.start_time <= stage.start_time < stage.end_time <= whole.end_time
    assert 900_000 <= stage.end_time - stage.start_time <= 1_100_000


def test_people_and_size_are_told(exporter: InMemorySpanExporter, stream: ObservedRequest) -> None:
    with stream as observed:
        assert observed.trace is not None
        observed.trace.frame(0).answered(replace(SEEN, people=()))
        observed.facts["image_width_px"] = 640
    frame, whole = exporter.get_finished_spans()
    assert attribute(frame, "people") == 0
    assert attribute(whole, "image_width_px") == 640
