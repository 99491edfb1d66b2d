"""Pictures by URL through the gRPC door, in single calls and in streams."""

import threading
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2

from jointtrack.v1 import image_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.fetching import wait_until
from tests.support.hostile import (
    PHOTO,
    HostileServer,
    Talk,
    held_until,
    hostile_server,
    ok,
    redirect,
    silence,
)
from tests.support.rich_errors import rich_error
from tests.support.servers import RunningServer, run_server
from tests.support.streams import config, frame

ANSWERS: dict[str, bytes | Talk] = {
    "/photo.jpg": ok(),
    "/slow": silence,
    "/text": ok(b"hello"),
    "/inside": redirect("http://127.0.0.2:{port}/photo.jpg"),
}
OPTIONS = service_pb2.DetectOptions(model="movenet-lightning")


@pytest.fixture(scope="module")
def picture_server() -> Iterator[HostileServer]:
    with hostile_server(ANSWERS) as server:
        yield server


@pytest.fixture
def pictures(picture_server: HostileServer) -> HostileServer:
    wait_until(lambda: picture_server.open == 0)
    picture_server.forget()
    return picture_server


@pytest.fixture(scope="module")
def fetching(
    picture_server: HostileServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """May fetch from the picture server."""
    with run_server(
        tmp_path_factory.mktemp("data"),
        fetch_private=("127.0.0.1/32",),
        fetch_ports=(picture_server.port,),
        fetch_timeout_s=5,
    ) as running:
        yield running


@pytest.fixture
def urls(fetching: RunningServer) -> Iterator[JointTrackServiceStub]:
    with grpc.insecure_channel(fetching.target) as channel:
        yield JointTrackServiceStub(channel)


def request_of(**image: object) -> service_pb2.DetectRequest:
    return service_pb2.DetectRequest(image=image_pb2.Image(**image), options=OPTIONS)  # type: ignore[arg-type]


def url_frame(sequence_id: int, url: str) -> service_pb2.StreamDetectRequest:
    image = image_pb2.Image(url=url)
    return service_pb2.StreamDetectRequest(
        frame=service_pb2.Frame(sequence_id=sequence_id, image=image)
    )


def test_a_url_gives_the_answer_of_the_picture(
    urls: JointTrackServiceStub, fetching: RunningServer, pictures: HostileServer
) -> None:
    sent = urls.Detect(request_of(encoded=PHOTO), metadata=fetching.metadata)
    fetched = urls.Detect(request_of(url=pictures.url("/photo.jpg")), metadata=fetching.metadata)
    assert len(sent.detection.people) == 1
    assert fetched.detection.people == sent.detection.people


REFUSED = {
    "http://127.0.0.2:{}/photo.jpg": "address_not_allowed",
    "http://[::ffff:127.0.0.1]:{}/photo.jpg": "address_not_allowed",
    "http://2130706433:{}/photo.jpg": "url",
    "http://user:secret@127.0.0.1:{}/photo.jpg": "credentials",
    "http://127.0.0.1:{}/inside": "address_not_allowed",
    "http://127.0.0.1:6379/{}": "port_not_allowed",
    "ftp://127.0.0.1:{}/photo.jpg": "scheme",
    "{}": "url",
    "": "url",
}


@pytest.mark.parametrize("url", REFUSED)
def test_a_fetch_that_is_refused_and_the_next_call(
    urls: JointTrackServiceStub, fetching: RunningServer, pictures: HostileServer, url: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        urls.Detect(request_of(url=url.format(pictures.port)), metadata=fetching.metadata)
    error = rich_error(caught.value)
    assert error.code is grpc.StatusCode.FAILED_PRECONDITION
    assert error.info.reason == "IMAGE_FETCH_FAILED"
    assert error.info.metadata["why"] == REFUSED[url]
    assert "secret" not in str(error.status)
    assert set(pictures.targets) <= {"/inside"}
    fetched = urls.Detect(request_of(url=pictures.url("/photo.jpg")), metadata=fetching.metadata)
    assert len(fetched.detection.people) == 1


def test_a_caller_who_goes_takes_the_fetch_with_him(
    urls: JointTrackServiceStub, fetching: RunningServer, pictures: HostileServer
) -> None:
    request = request_of(url=pictures.url("/slow"))
    call = urls.Detect.future(request, metadata=fetching.metadata)
    wait_until(lambda: pictures.open == 1)
    call.cancel()
    wait_until(lambda: pictures.open == 0)
    with pytest.raises(grpc.RpcError) as caught:
        urls.Detect(request, metadata=fetching.metadata, timeout=0.5)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    wait_until(lambda: pictures.open == 0)
    urls.Detect(request_of(url=pictures.url("/photo.jpg")), metadata=fetching.metadata)


def test_the_limits_say_it(urls: JointTrackServiceStub, fetching: RunningServer) -> None:
    info = urls.GetServerInfo(service_pb2.GetServerInfoRequest(), metadata=fetching.metadata)
    assert info.limits.fetches_urls
    assert info.limits.fetch_timeout == Duration(seconds=5)


def test_frames_by_url_and_others_are_answered_in_order(
    urls: JointTrackServiceStub, fetching: RunningServer, pictures: HostileServer
) -> None:
    requests = [
        config(options=OPTIONS, max_in_flight=8),
        url_frame(0, pictures.url("/photo.jpg")),
        frame(1, PHOTO),
        url_frame(2, pictures.url("/text")),
        url_frame(3, pictures.url("/inside")),
        url_frame(4, f"http://user:secret@127.0.0.1:{pictures.port}/"),
        url_frame(5, pictures.url("/slow")),
        frame(6, PHOTO),
        url_frame(7, pictures.url("/photo.jpg")),
    ]
    answers = list(urls.StreamDetect(iter(requests), metadata=fetching.metadata))
    assert [one.sequence_id for one in answers] == list(range(8))
    people = [len(one.detection.people) for one in answers if one.HasField("detection")]
    assert people == [1, 1, 1, 1]
    errors = {one.sequence_id: info_of(one) for one in answers if one.HasField("error")}
    assert {key: info.reason for key, info in errors.items()} == {
        2: "INVALID_IMAGE",
        **dict.fromkeys((3, 4, 5), "IMAGE_FETCH_FAILED"),
    }
    whys = [errors[key].metadata["why"] for key in (3, 4, 5)]
    assert whys == ["address_not_allowed", "credentials", "timeout"]


def info_of(answer: service_pb2.StreamDetectResponse) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    assert answer.error.details[0].Unpack(info)
    return info


def test_a_stream_fetches_no_more_than_it_may_have_in_flight(
    urls: JointTrackServiceStub, fetching: RunningServer, pictures: HostileServer
) -> None:
    slow = [url_frame(number, pictures.url("/slow")) for number in range(20)]
    calls = urls.StreamDetect(
        iter([config(options=OPTIONS, max_in_flight=3), *slow]), metadata=fetching.metadata
    )
    wait_until(lambda: pictures.open == 3)
    assert info_of(next(calls)).metadata["why"] == "timeout"
    assert pictures.connections <= 7
    calls.cancel()
    wait_until(lambda: pictures.open == 0)
    fetched = urls.Detect(request_of(url=pictures.url("/photo.jpg")), metadata=fetching.metadata)
    assert len(fetched.detection.people) == 1


def test_a_stream_waits_where_a_single_call_is_refused(
    pictures: HostileServer, start_server: Callable[..., RunningServer]
) -> None:
    running = start_server(
        fetch_private=("127.0.0.1/32",), fetch_ports=(pictures.port,), max_fetches=2
    )
    frames = [url_frame(number, pictures.url("/photo.jpg")) for number in range(6)]
    requests = [config(options=OPTIONS, max_in_flight=6), *frames]
    with grpc.insecure_channel(running.target) as channel:
        calls = JointTrackServiceStub(channel).StreamDetect
        answers = list(calls(iter(requests), metadata=running.metadata))
    assert [len(one.detection.people) for one in answers] == [1] * 6


def test_a_dropped_frame_is_fetched_no_further(start_server: Callable[..., RunningServer]) -> None:
    go_on = threading.Event()
    answers: dict[str, bytes | Talk] = {"/held": held_until(go_on, ok()), "/slow": silence}
    with hostile_server(answers) as pictures:
        running = start_server(
            fetch_private=("127.0.0.1/32",), fetch_ports=(pictures.port,), fetch_timeout_s=60
        )

        def wait_for_fetch(count: int) -> None:
            wait_until(lambda: pictures.connections == count and pictures.open <= 2)

        def requests() -> Iterator[service_pb2.StreamDetectRequest]:
            yield config(options=OPTIONS, max_in_flight=2, overflow=service_pb2.OVERFLOW_LATEST)
            for number, path in enumerate(["/held", *["/slow"] * 4, "/held"]):
                yield url_frame(number, pictures.url(path))
                wait_for_fetch(number + 1)
            go_on.set()

        with grpc.insecure_channel(running.target) as channel:
            calls = JointTrackServiceStub(channel).StreamDetect
            outcomes = list(calls(requests(), metadata=running.metadata))
    assert [len(outcomes[at].detection.people) for at in (0, 5)] == [1, 1]
    assert [one.HasField("dropped") for one in outcomes[1:5]] == [True] * 4
