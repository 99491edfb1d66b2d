"""Clients generated from protos/ in other languages, against the running server."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from jointtrack import Frame, JointTrackClient, StreamAnswer
from jointtrack.testing import Failure, FakeServer, detection
from jointtrack_server.access.caller import Plan
from tests.support.certificates import Authority, Secret, open_files
from tests.support.clips import jpeg, walk_pictures
from tests.support.programs import Examples, node_examples
from tests.support.servers import DATA, RunningServer
from tests.support.waiting import within_one_minute

PHOTO = DATA / "arms_out_front.jpg"
BROKEN = 7
NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The frames of a walk as files. One is no picture."""
    folder = tmp_path_factory.mktemp("frames")
    paths = []
    for index, picture in enumerate(walk_pictures(12)):
        path = folder / f"{index:02}.jpg"
        path.write_bytes(b"no picture" if index == BROKEN else jpeg(picture))
        paths.append(path)
    return paths


def printed(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def line(answer: StreamAnswer) -> list[str]:
    """What an example prints of an answer."""
    if answer.kind == "error":
        return [f"{answer.sequence_id} error: {answer.error.message}"]
    if answer.summary:
        sides = answer.summary.person().angle("knee_flexion").sides
        return [f"{name} range: {printed(side.range_deg)}" for name, side in sides.items()]
    assert answer.detection
    knee = answer.detection.person.angle("knee_flexion")
    return [f"{answer.sequence_id} {printed(knee.left)} {printed(knee.right)}"]


def assert_same(lines: list[str], expected: list[str]) -> None:
    """Numbers to the last digit but one: languages round halves in different ways."""
    assert [NUMBER.sub("N", one) for one in lines] == [NUMBER.sub("N", one) for one in expected]
    found, right = (
        [float(number) for one in text for number in NUMBER.findall(one)]
        for text in (lines, expected)
    )
    assert found == pytest.approx(right, abs=0.011)
    assert len(right) > 1


def test_a_picture_gives_the_angles_of_the_python_client(
    examples: Examples, server: RunningServer
) -> None:
    with JointTrackClient(server.target, api_key=server.api_key) as client:
        angle = client.detect(PHOTO, "shoulder_abduction").person.angle("shoulder_abduction")
    told = examples.run_detect(server.target, PHOTO, JOINTTRACK_API_KEY=server.api_key)
    assert told.exit_code == 0, told.errors
    assert_same(
        told.lines, [f"left: {angle.left:.2f} degrees", f"right: {angle.right:.2f} degrees"]
    )


def test_a_stream_answers_each_frame_in_order_and_sums_up(
    examples: Examples, server: RunningServer, frames: list[Path]
) -> None:
    film = [
        Frame(path.read_bytes(), index, round(index * 1000 / 30) / 1000)
        for index, path in enumerate(frames)
    ]
    with JointTrackClient(server.target, api_key=server.api_key) as client:
        expected = [text for answer in client.stream(film, "knee_flexion") for text in line(answer)]
    assert expected[BROKEN].startswith(f"{BROKEN} error: ")
    assert len(expected) == len(frames) + 2

    told = examples.run_stream(server.target, frames, JOINTTRACK_API_KEY=server.api_key)
    assert told.exit_code == 0, told.errors
    assert_same(told.lines, expected)


def test_a_refusal_says_why_and_where(
    examples: Examples, server: RunningServer, frames: list[Path]
) -> None:
    key = {"JOINTTRACK_API_KEY": server.api_key}
    told = examples.run_detect(server.target, frames[BROKEN], **key)
    assert told.exit_code == 1
    assert re.fullmatch(r"(?i)invalid_?argument: The image is no picture .*", told.errors[0])
    assert told.errors[1] == "reason INVALID_IMAGE"
    assert re.fullmatch(r"request_id \w{16}", told.errors[2])
    assert told.errors[3].startswith("field image: The image is no picture ")
    assert len(told.errors) == 4


def test_a_stream_that_is_refused(
    examples: Examples, server: RunningServer, frames: list[Path]
) -> None:
    told = examples.run_stream(server.target, frames)
    assert told.exit_code == 1
    assert told.lines == []
    assert "reason MISSING_API_KEY" in told.errors


def test_a_refusal_says_when_to_try_again(examples: Examples, server: RunningServer) -> None:
    keys = server.app.keys
    assert keys is not None
    keys.put_plan(Plan("hurried", minute_requests=1))
    key = {"JOINTTRACK_API_KEY": keys.create("hurried", plan="hurried")[0]}
    within_one_minute(20)
    assert examples.run_detect(server.target, PHOTO, **key).exit_code == 0
    told = examples.run_detect(server.target, PHOTO, **key)
    assert told.exit_code == 1
    assert "reason RATE_LIMITED" in told.errors
    (wait,) = re.findall(r"^try again in (\d+\.\d{3}) s$", "\n".join(told.errors), re.MULTILINE)
    assert 0 < float(wait) <= 60


def test_unavailable_is_tried_again(examples: Examples, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"  # more than gRPC keeps for a further try by default
    large.write_bytes(bytes(3 << 20))
    overloaded = Failure("UNAVAILABLE", "OVERLOADED", "Too much at once.", retry_after_s=0.1)
    with FakeServer() as fake:
        fake.detect.enqueue(overloaded, overloaded, detection({"shoulder_abduction": (61.25, 9.5)}))
        told = examples.run_detect(fake.target, large)
        assert len(fake.detect.requests) == 3
    assert told.lines == ["left: 61.25 degrees", "right: 9.50 degrees"]


# Not Java: Debian's Netty cannot speak HTTP/2 over TLS.
@pytest.mark.parametrize("kind", ["grpc-js", "connect"])
@pytest.mark.usefixtures("built_node")
def test_mutual_tls(kind: str, start_server: Callable[..., RunningServer], tmp_path: Path) -> None:
    authority = Authority()
    secret = Secret(tmp_path / "mutual", has_client_ca=True)
    secret.write(authority.server(), authority.root)
    server = start_server(**secret.settings)
    roots = tmp_path / "roots.pem"
    roots.write_bytes(authority.root)
    trusting = {"JOINTTRACK_API_KEY": server.api_key, "JOINTTRACK_ROOTS": str(roots)}

    certificate = authority.client(common_name="Ward 3")
    with open_files(tmp_path, certificate) as (chain, key):
        shown = {"JOINTTRACK_CERTIFICATE": str(chain), "JOINTTRACK_CERTIFICATE_KEY": str(key)}
        told = node_examples(kind).run_detect(server.target, PHOTO, **trusting, **shown)
    assert told.exit_code == 0, told.errors
    assert len(told.lines) == 2
