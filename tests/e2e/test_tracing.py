"""Spans of the real server, as an OpenTelemetry collector gets them."""

import secrets
from collections.abc import Iterator
from itertools import pairwise

import grpc
import pytest
import requests
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.collector import PARENT_ID, SentSpan, traceparent
from tests.support.streams import config, frame
from tests.support.tracing import KNEE, PHOTO, Traced, detect, traced_server
from tests.support.waiting import eventually

SERVICE = "jointtrack.v1.JointTrackService"
QUERY = "t0ken-1n-the-query"
UNSET = Status.STATUS_CODE_UNSET


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    with traced_server(tmp_path_factory.mktemp("traced"), f"/photo.jpg?{QUERY}") as found:
        yield found


@pytest.fixture
def stub(traced: Traced) -> Iterator[JointTrackServiceStub]:
    with grpc.insecure_channel(traced.served.target) as channel:
        yield JointTrackServiceStub(channel)


@pytest.fixture
def trace_id() -> str:
    return secrets.token_hex(16)


def assert_one_after_the_other(whole: SentSpan, stages: list[SentSpan]) -> None:
    for stage in stages:
        assert whole.has(stage)
    for before, after in pairwise(stages):
        assert before.span.end_time_unix_nano <= after.span.start_time_unix_nano


def test_a_call_continues_the_trace_of_its_caller(
    traced: Traced, stub: JointTrackServiceStub, trace_id: str
) -> None:
    metadata = (traced.key, traceparent(trace_id), ("tracestate", "vendor=opaque"))
    response, call = stub.Detect.with_call(detect(include_overlays=True), metadata=metadata)
    found = traced.collector.request(trace_id)
    assert found.parent_id == PARENT_ID
    assert found.span.trace_state == "vendor=opaque"
    assert found.name == f"{SERVICE}/Detect"
    assert found.span.status.code == UNSET
    request_id = dict(call.trailing_metadata())["x-request-id"]
    assert found.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": f"{SERVICE}/Detect",
        "rpc.response.status_code": "OK",
        "client.address": "127.0.0.1",
        "jointtrack.request_id": request_id,
        "jointtrack.key_id": traced.served.key.split("_")[1],
        "jointtrack.model": response.model.name,
        "jointtrack.people": 1,
        "jointtrack.image_width_px": 612,
        "jointtrack.image_height_px": 680,
    }
    stages = traced.collector.inside(found)
    assert [stage.name for stage in stages] == [
        *("receive", "queue", "decode", "infer", "measure", "overlay")
    ]
    assert_one_after_the_other(found, stages)
    spent_ms = {
        stage.name: (stage.span.end_time_unix_nano - stage.span.start_time_unix_nano) / 1e6
        for stage in stages
    }
    timings = response.detection.timings
    assert spent_ms["infer"] == pytest.approx(timings.infer_ms, abs=0.1)
    assert spent_ms["decode"] == pytest.approx(timings.decode_ms, abs=0.1)


def test_who_sends_the_spans(traced: Traced, stub: JointTrackServiceStub, trace_id: str) -> None:
    stub.GetServerInfo(
        service_pb2.GetServerInfoRequest(), metadata=(traced.key, traceparent(trace_id))
    )
    found = traced.collector.request(trace_id)
    assert found.resource["service.name"] == "jointtrack"
    assert found.resource["service.version"] == "0.1.0"
    assert found.resource["process.pid"] == traced.served.process.pid
    assert found.resource["service.instance.id"]
    assert found.resource["deployment.environment.name"] == "test"
    assert found.scope == "jointtrack_server"
    assert traced.collector.metadata[-1]["x-tenant"] == "clinic"


def test_an_http_request_continues_the_trace_of_its_caller(traced: Traced, trace_id: str) -> None:
    answer = requests.post(
        f"{traced.served.url}/jointtrack/v1/detect",
        headers=dict([("X-API-Key", traced.served.key), traceparent(trace_id)]),
        files={"image": PHOTO},
        data={"measurement": "knee_flexion"},
        timeout=30,
    )
    assert answer.status_code == 200
    found = traced.collector.request(trace_id)
    assert found.parent_id == PARENT_ID
    assert found.name == "POST /jointtrack/v1/detect"
    assert found.span.status.code == UNSET
    assert found.attributes == {
        "http.request.method": "POST",
        "http.route": "/jointtrack/v1/detect",
        "url.path": "/jointtrack/v1/detect",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "client.address": "127.0.0.1",
        "jointtrack.request_id": answer.headers["X-Request-Id"],
        "jointtrack.key_id": traced.served.key.split("_")[1],
        "jointtrack.model": "movenet-thunder",
        "jointtrack.people": 1,
        "jointtrack.image_width_px": 612,
        "jointtrack.image_height_px": 680,
    }
    stages = traced.collector.inside(found)
    picture = ["queue", "decode", "infer", "measure", "overlay"]
    assert [stage.name for stage in stages] == [
        *("receive", "queue", "parse", *picture, "queue", "encode")
    ]
    assert_one_after_the_other(found, stages)


def test_a_picture_by_url_is_fetched_in_a_stage_of_its_own(
    traced: Traced, stub: JointTrackServiceStub, trace_id: str
) -> None:
    stub.Detect(detect(url=traced.picture_url), metadata=(traced.key, traceparent(trace_id)))
    found = traced.collector.request(trace_id)
    names = [stage.name for stage in traced.collector.inside(found)]
    assert names == ["receive", "fetch", "queue", "decode", "infer", "measure"]


def test_what_a_caller_does_wrong_is_told_and_no_error(
    traced: Traced, stub: JointTrackServiceStub, trace_id: str
) -> None:
    with pytest.raises(grpc.RpcError):
        stub.Detect(detect(data=PHOTO[:5000]), metadata=(traced.key, traceparent(trace_id)))
    found = traced.collector.request(trace_id)
    assert found.attributes["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert found.attributes["jointtrack.code"] == "INVALID_IMAGE"
    assert "error.type" not in found.attributes
    assert found.span.status.code == UNSET
    (decode,) = (one for one in traced.collector.inside(found) if one.name == "decode")
    assert decode.attributes == {"jointtrack.code": "INVALID_IMAGE"}


def test_an_http_refusal_and_a_path_that_is_none(traced: Traced) -> None:
    for path, name, status in (
        ("/detect", "POST /detect", 401),
        ("/patients/42", "POST", 404),
    ):
        trace_id = secrets.token_hex(16)
        headers = dict([traceparent(trace_id), ("X-Forwarded-For", "192.0.2.7")])
        answer = requests.post(f"{traced.served.url}{path}", headers=headers, timeout=30)
        assert answer.status_code == status
        found = traced.collector.request(trace_id)
        assert found.name == name
        assert found.attributes["http.response.status_code"] == status
        assert found.attributes["client.address"] == "192.0.2.7"
        assert found.span.status.code == UNSET
        assert "patients" not in str(found.attributes)


def test_a_stream_has_a_span_and_each_frame_one_inside(
    traced: Traced, stub: JointTrackServiceStub, trace_id: str
) -> None:
    options = service_pb2.DetectOptions(measurements=KNEE)
    messages = [config(options=options), *(frame(number, PHOTO) for number in range(4))]
    messages.insert(3, frame(1, PHOTO[:5000]))
    for number, message in enumerate(messages[1:]):
        message.frame.sequence_id = number
    metadata = (traced.key, traceparent(trace_id))
    answers = list(stub.StreamDetect(iter(messages), metadata=metadata))
    whole = traced.collector.request(trace_id)
    assert whole.parent_id == PARENT_ID
    assert whole.name == f"{SERVICE}/StreamDetect"
    told = {name: whole.attributes[f"jointtrack.{name}"] for name in ("frames", "frames_failed")}
    assert told == {"frames": 5, "frames_failed": 1}
    (event,) = whole.span.events
    assert event.name == "frame failed"
    frames = [one for one in traced.collector.inside(whole) if one.name == "frame"]
    assert [one.attributes["jointtrack.frame.sequence_id"] for one in frames] == [0, 1, 2, 3, 4]
    assert len(answers) == 6
    for number, one in enumerate(frames):
        assert whole.has(one)
        stages = traced.collector.inside(one)
        for stage in stages:
            assert one.has(stage)
        names = [stage.name for stage in stages if stage.name != "queue"]
        if number == 2:
            assert one.attributes["jointtrack.code"] == "INVALID_IMAGE"
            assert names == ["decode"]
        else:
            assert one.attributes["jointtrack.people"] == 1
            assert names == ["decode", "infer", "measure"]


def test_dropped_frames_are_told(
    traced: Traced, stub: JointTrackServiceStub, trace_id: str
) -> None:
    latest = config(overflow=service_pb2.OVERFLOW_LATEST, max_in_flight=1)
    messages = [latest, *(frame(number, PHOTO) for number in range(40))]
    metadata = (traced.key, traceparent(trace_id))
    answers = list(stub.StreamDetect(iter(messages), metadata=metadata))
    dropped = [one.sequence_id for one in answers if one.HasField("dropped")]
    assert dropped
    whole = traced.collector.request(trace_id)
    assert whole.attributes["jointtrack.frames_dropped"] == len(dropped)
    assert [event.name for event in whole.span.events] == ["frame dropped"] * len(dropped)
    coded = {
        one.attributes["jointtrack.frame.sequence_id"]
        for one in traced.collector.inside(whole)
        if one.attributes.get("jointtrack.code") == "DROPPED"
    }
    assert coded == set(dropped)


def test_what_its_caller_does_not_sample_is_not_sent(
    traced: Traced, stub: JointTrackServiceStub, trace_id: str
) -> None:
    info, unsampled = service_pb2.GetServerInfoRequest(), secrets.token_hex(16)
    stub.GetServerInfo(info, metadata=(traced.key, traceparent(unsampled, sampled=False)))
    stub.GetServerInfo(info, metadata=(traced.key, traceparent(trace_id)))
    traced.collector.request(trace_id)
    assert traced.collector.of(unsampled) == []
    assert traced.line(unsampled)["code"] == "OK"


def test_the_log_leads_to_the_trace(
    traced: Traced, stub: JointTrackServiceStub, trace_id: str
) -> None:
    metadata = (traced.key, traceparent(trace_id), ("x-request-id", "visit-42"))
    stub.Detect(detect(), metadata=metadata)
    line, found = traced.line(trace_id), traced.collector.request(trace_id)
    assert line["span_id"] == found.id
    assert line["request_id"] == found.attributes["jointtrack.request_id"] == "visit-42"
    assert line["people"] == 1
    assert line["duration_ms"] <= (
        (found.span.end_time_unix_nano - found.span.start_time_unix_nano) / 1e6
    )


def test_a_trace_without_a_caller_is_a_new_one(traced: Traced, stub: JointTrackServiceStub) -> None:
    metadata = (traced.key, ("x-request-id", "alone"), ("traceparent", "00-nonsense"))
    stub.GetServerInfo(service_pb2.GetServerInfoRequest(), metadata=metadata)

    def alone() -> list[SentSpan]:
        found = traced.collector.spans
        return [one for one in found if one.attributes.get("jointtrack.request_id") == "alone"]

    eventually(alone)
    assert alone()[0].parent_id == ""


def test_no_span_of_all_these_holds_a_secret(
    traced: Traced, stub: JointTrackServiceStub, trace_id: str
) -> None:
    key = traced.served.key
    odd = {
        "X-API-Key": key,
        "Authorization": f"Bearer {key}",
        "Cookie": f"key={key}",
        "User-Agent": key,
        "X-Request-Id": key,
        "Baggage": f"key={key}",
    }
    requests.get(f"{traced.served.url}/detect/{key}?{key}", headers=odd, timeout=30)
    requests.request("BREW", f"{traced.served.url}/detect?{key}", headers=odd, timeout=30)
    with pytest.raises(grpc.RpcError):
        stub.Detect(detect(url=f"{traced.picture_url}&{key}", model=key), metadata=(traced.key,))
    for url in (traced.picture_url, f"http://user:{key}@127.0.0.1:1/{QUERY}"):
        requests.post(
            f"{traced.served.url}/detect",
            headers=odd,
            json={"measurement": "knee_flexion", "image": url},
            timeout=30,
        )
    stub.GetServerInfo(
        service_pb2.GetServerInfoRequest(), metadata=(traced.key, traceparent(trace_id))
    )
    traced.collector.request(trace_id)
    sent = b"".join(one.SerializeToString() for one in traced.collector.requests)
    assert len({one.id for one in traced.collector.spans}) > 10
    assert key.encode() not in sent
    assert key[-32:].encode() not in sent
    assert QUERY.encode() not in sent
    assert all(PHOTO[at : at + 48] not in sent for at in range(0, len(PHOTO) - 48, 997))
