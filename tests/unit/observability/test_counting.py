"""What the two doors count, read from /metrics of the real server."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import numpy as np
import pytest

from jointtrack.v1 import image_pb2, measurement_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from jointtrack_server.observability.metrics import Metrics
from tests.support.busy import busy
from tests.support.hostile import HostileServer, hostile_server, ok
from tests.support.http import DOCUMENTED_PATH, Door, encode
from tests.support.metrics import Scrape, scrape
from tests.support.servers import DATA, RunningServer, run_server
from tests.support.streams import config, frame
from tests.support.waiting import eventually

PHOTO = (DATA / "arms_out_front.jpg").read_bytes()
NOBODY = encode(".png", np.zeros((64, 64, 3), np.uint8))
LIGHTNING = service_pb2.DetectOptions(model="movenet-lightning")
WORKERS, MAX_QUEUE = 1, 1


@pytest.fixture(scope="module")
def pictures() -> Iterator[HostileServer]:
    with hostile_server({"/photo.jpg": ok()}) as server:
        yield server


@pytest.fixture(scope="module")
def counting(
    pictures: HostileServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    with run_server(
        tmp_path_factory.mktemp("data"),
        workers=WORKERS,
        max_queue=MAX_QUEUE,
        max_streams_per_key=1,
        fetch_private=("127.0.0.1/32",),
        fetch_ports=(pictures.port,),
    ) as running:
        yield running


@pytest.fixture
def door(counting: RunningServer) -> Door:
    return Door(counting)


@pytest.fixture
def stub(counting: RunningServer) -> Iterator[JointTrackServiceStub]:
    with grpc.insecure_channel(counting.target) as channel:
        yield JointTrackServiceStub(channel)


@dataclass
class Growth:
    """By how much samples grew since a scrape."""

    server: RunningServer
    before: Scrape

    def of(self, name: str, **labels: str) -> float:
        return scrape(self.server).value(name, **labels) - self.before.value(name, **labels)


@pytest.fixture
def grown(counting: RunningServer) -> Callable[..., float]:
    """By how much the samples of a name, with those labels, grew since the test began."""
    return Growth(counting, scrape(counting)).of


def stages(grown: Callable[..., float], kind: str) -> dict[str, float]:
    names = ("queue", "fetch", "decode", "infer", "measure", "overlay")
    counts = {
        stage: grown("jointtrack_stage_duration_seconds_count", stage=stage, kind=kind)
        for stage in names
    }
    return {stage: count for stage, count in counts.items() if count}


def test_a_picture_over_http(
    door: Door, counting: RunningServer, grown: Callable[..., float]
) -> None:
    door.detect(PHOTO)
    assert grown("jointtrack_requests_total", method=DOCUMENTED_PATH, code="OK") == 1
    assert grown("jointtrack_request_duration_seconds_count", method=DOCUMENTED_PATH) == 1
    assert 0 < grown("jointtrack_request_duration_seconds_sum", method=DOCUMENTED_PATH) < 30
    drawn = dict.fromkeys(("queue", "decode", "infer", "measure", "overlay"), 1.0)
    assert stages(grown, "picture") == drawn
    assert stages(grown, "frame") == {}
    assert grown("jointtrack_people_per_picture_sum", kind="picture") == 1
    assert grown("jointtrack_people_per_picture_bucket", kind="picture", le="0.0") == 0
    assert grown("jointtrack_people_per_picture_bucket", kind="picture", le="1.0") == 1
    measured = {"measurement": "shoulder_abduction", "outcome": "measured"}
    assert grown("jointtrack_measurements_total", **measured) == 2
    key_id = counting.api_key.split("_")[1]
    assert grown("jointtrack_key_pictures_total", key_id=key_id) == 1


def test_stages_take_the_time_that_they_take(
    stub: JointTrackServiceStub, counting: RunningServer, grown: Callable[..., float]
) -> None:
    """They are seconds, and together no more than the request."""
    request = service_pb2.DetectRequest(image=image_pb2.Image(encoded=PHOTO))
    answer = stub.Detect(request, metadata=counting.metadata)
    stages_s = grown("jointtrack_stage_duration_seconds_sum", kind="picture")
    whole_s = grown("jointtrack_request_duration_seconds_sum", method="Detect")
    assert 0 < stages_s <= whole_s
    infer_s = grown("jointtrack_stage_duration_seconds_sum", kind="picture", stage="infer")
    assert infer_s == pytest.approx(answer.detection.timings.infer_ms / 1000.0, abs=1e-5)


def test_a_picture_that_was_fetched(
    stub: JointTrackServiceStub,
    counting: RunningServer,
    pictures: HostileServer,
    grown: Callable[..., float],
) -> None:
    image = image_pb2.Image(url=pictures.url("/photo.jpg"))
    request = service_pb2.DetectRequest(image=image, options=LIGHTNING)
    stub.Detect(request, metadata=counting.metadata)
    assert set(stages(grown, "picture")) == {"queue", "fetch", "decode", "infer", "measure"}


def test_nobody_in_the_picture(
    door: Door, counting: RunningServer, grown: Callable[..., float]
) -> None:
    response = door.post(files={"image": NOBODY}, data={"measurement": "knee_flexion"})
    assert response.status_code == 422
    assert grown("jointtrack_requests_total", code="PERSON_NOT_FOUND") == 1
    assert grown("jointtrack_people_per_picture_bucket", kind="picture", le="0.0") == 1
    assert grown("jointtrack_measurements_total") == 0
    assert grown("jointtrack_key_pictures_total") == 0


def test_what_could_not_be_measured_by_reason(door: Door, grown: Callable[..., float]) -> None:
    """A strict caller asks a front view for an angle of the side view."""
    answer = door.detect(PHOTO, "hip_side", strict="true")
    assert answer["measurements"][0]["value"] == {"left": None, "right": None}
    refused = {"measurement": "hip_side", "outcome": "wrong_view"}
    assert grown("jointtrack_measurements_total", **refused) == 2
    assert grown("jointtrack_measurements_total", outcome="measured") == 0


def test_frames_by_what_became_of_them(
    stub: JointTrackServiceStub, counting: RunningServer, grown: Callable[..., float]
) -> None:
    frames = [config(options=LIGHTNING), frame(0, PHOTO), frame(1, b"no picture"), frame(2, PHOTO)]
    list(stub.StreamDetect(iter(frames), metadata=counting.metadata))
    assert grown("jointtrack_frames_total", code="OK") == 2
    assert grown("jointtrack_frames_total", code="INVALID_IMAGE") == 1
    assert grown("jointtrack_frame_duration_seconds_count") == 2
    assert grown("jointtrack_people_per_picture_sum", kind="frame") == 2
    assert set(stages(grown, "frame")) == {"queue", "decode", "infer", "measure"}
    assert stages(grown, "picture") == {}
    assert grown("jointtrack_key_pictures_total") == 2


def test_dropped_frames(
    stub: JointTrackServiceStub, counting: RunningServer, grown: Callable[..., float]
) -> None:
    many = 30
    latest = config(options=LIGHTNING, overflow=service_pb2.OVERFLOW_LATEST, max_in_flight=1)
    frames = [latest, *(frame(number, PHOTO) for number in range(many))]
    with busy(counting, WORKERS):
        call = stub.StreamDetect(iter(frames), metadata=counting.metadata)
        eventually(lambda: scrape(counting).value("jointtrack_streams_open") == 1)
    list(call)
    dropped = grown("jointtrack_frames_total", code="DROPPED")
    assert dropped > 0
    assert grown("jointtrack_frames_total", code="OK") + dropped == many


def test_a_stream_is_open_and_then_has_lived(
    stub: JointTrackServiceStub, counting: RunningServer, grown: Callable[..., float]
) -> None:
    with open_stream(stub, counting):
        eventually(lambda: scrape(counting).value("jointtrack_streams_open") == 1)
        assert grown("jointtrack_stream_duration_seconds_count") == 0
    eventually(lambda: scrape(counting).value("jointtrack_streams_open") == 0)
    assert grown("jointtrack_stream_duration_seconds_count") == 1
    assert "StreamDetect" not in {
        sample.labels.get("method")
        for family in scrape(counting).families
        for sample in family.samples
        if family.name == "jointtrack_request_duration_seconds"
    }


def test_refusals_by_reason(
    stub: JointTrackServiceStub,
    door: Door,
    counting: RunningServer,
    grown: Callable[..., float],
) -> None:
    for headers in ({"X-API-Key": ""}, {"X-API-Key": "jt_0_wrong"}, {"X-API-Key": "jt_1_wrong"}):
        assert door.post(headers=headers).status_code == 401
    with open_stream(stub, counting):
        eventually(lambda: scrape(counting).value("jointtrack_streams_open") == 1)
        with pytest.raises(grpc.RpcError):
            list(stub.StreamDetect(iter([config()]), metadata=counting.metadata))
        assert scrape(counting).value("jointtrack_streams_open") == 1
    counts = {"MISSING_API_KEY": 1.0, "INVALID_API_KEY": 2.0, "TOO_MANY_STREAMS": 1.0}
    assert {
        reason: grown("jointtrack_access_refusals_total", reason=reason) for reason in counts
    } == counts
    assert grown("jointtrack_access_refusals_total") == sum(counts.values())


def test_a_full_queue(
    stub: JointTrackServiceStub,
    door: Door,
    counting: RunningServer,
    grown: Callable[..., float],
) -> None:
    request = service_pb2.DetectRequest(image=image_pb2.Image(encoded=PHOTO), options=LIGHTNING)
    with busy(counting, WORKERS):
        now = scrape(counting)
        assert now.value("jointtrack_workers") == now.value("jointtrack_workers_busy") == WORKERS
        assert now.value("jointtrack_queue_limit") == MAX_QUEUE
        assert now.value("jointtrack_queue_depth") == 0
        waiting = [
            stub.Detect.future(request, metadata=counting.metadata) for _ in range(MAX_QUEUE)
        ]
        eventually(lambda: scrape(counting).value("jointtrack_queue_depth") == MAX_QUEUE)
        assert scrape(counting).value("jointtrack_requests_in_flight", door="grpc") == MAX_QUEUE
        assert door.post(files={"image": PHOTO}).status_code == 503
        assert grown("jointtrack_overloads_total", outcome="refused") == 1
    for call in waiting:
        call.result(timeout=30)
    eventually(lambda: scrape(counting).value("jointtrack_workers_busy") == 0)
    assert scrape(counting).value("jointtrack_queue_depth") == 0
    assert scrape(counting).value("jointtrack_requests_in_flight", door="grpc") == 0
    assert grown("jointtrack_overloads_total", outcome="refused") == 1


def test_measuring_alone(
    stub: JointTrackServiceStub, counting: RunningServer, grown: Callable[..., float]
) -> None:
    detect = service_pb2.DetectRequest(image=image_pb2.Image(encoded=PHOTO), options=LIGHTNING)
    found = stub.Detect(detect, metadata=counting.metadata).detection
    request = service_pb2.MeasureRequest(
        keypoints=found.people[0].keypoints,
        image_size=found.image_size,
        measurements=[measurement_pb2.MEASUREMENT_TYPE_KNEE_FLEXION],
    )
    stub.Measure(request, metadata=counting.metadata)
    assert grown("jointtrack_measurements_total", measurement="knee_flexion") == 2
    assert grown("jointtrack_people_per_picture_count") == 1


def test_what_runs_is_said(counting: RunningServer) -> None:
    now, engine = scrape(counting), counting.app.models.engine
    assert now.value("jointtrack_engine_info", engine=engine.name, precision=engine.precision) == 1
    assert now.value("jointtrack_build_info") == 1
    assert now.value("jointtrack_model_info", origin="embedded") == 3
    assert now.value("jointtrack_models_loaded", model="movenet-thunder") == 1
    assert now.value("jointtrack_server_state", state="serving") == 1
    assert now.value("jointtrack_server_state") == 1
    assert now.value("process_resident_memory_bytes") > 1e7
    assert now.value("jointtrack_process_threads") >= threading.active_count()


def test_keys_beyond_the_limit_are_counted_together() -> None:
    metrics = Metrics(max_keys=2)
    for key_id in ("a", "b", "c", "d", "a", "c"):
        metrics.key(key_id).inc()
    counts = {
        sample.labels["key_id"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "jointtrack_key_pictures_total"
    }
    assert counts == {"a": 2.0, "b": 1.0, "other": 3.0}


@contextmanager
def open_stream(stub: JointTrackServiceStub, server: RunningServer) -> Iterator[None]:
    """A stream that stays open until it is left, and then ends well."""
    ended = threading.Event()

    def messages() -> Iterator[service_pb2.StreamDetectRequest]:
        yield config(options=LIGHTNING)
        ended.wait(30)

    call = stub.StreamDetect(messages(), metadata=server.metadata)
    try:
        yield
    finally:
        ended.set()
        assert list(call) == []
