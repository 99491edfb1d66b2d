"""Wrong arguments are an error at the call, before anything is sent, and one of the type checker.

mypy reports an ignore that ignores nothing: each one below is an error that a caller sees, too.
"""

import asyncio
import base64
import io
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest

from jointtrack import (
    AsyncJointTrackClient,
    Frame,
    InvalidRequestError,
    JointTrackAdmin,
    JointTrackClient,
    RawImage,
)
from jointtrack.testing import FakeServer

Call: TypeAlias = Callable[[JointTrackClient], object]
JPEG = b"jpeg"
ROWS = [(1.0, 2.0, 0.9)] * 17

WRONG_TYPES: list[tuple[str, Call]] = [
    ("a picture is a path", lambda c: c.detect(None)),  # type: ignore[arg-type]
    ("a picture is a path", lambda c: c.detect(7)),  # type: ignore[arg-type]
    ("binary mode", lambda c: c.detect(io.StringIO("jpeg"))),  # type: ignore[arg-type]
    ("measurements must be", lambda c: c.detect(JPEG, None)),  # type: ignore[arg-type]
    ("measurements must be", lambda c: c.detect(JPEG, 3)),  # type: ignore[arg-type]
    ("each of measurements", lambda c: c.detect(JPEG, [3])),  # type: ignore[list-item]
    ("side must be", lambda c: c.detect(JPEG, "splits", 1)),  # type: ignore[arg-type]
    ("model must be", lambda c: c.detect(JPEG, model=4)),  # type: ignore[arg-type]
    ("search must be", lambda c: c.detect(JPEG, search=True)),  # type: ignore[arg-type]
    ("max_people must be", lambda c: c.detect(JPEG, max_people="3")),  # type: ignore[arg-type]
    ("max_people must be", lambda c: c.detect(JPEG, max_people=1.5)),  # type: ignore[arg-type]
    ("region must be 4", lambda c: c.detect(JPEG, region="abcd")),  # type: ignore[arg-type]
    ("mirrored must be", lambda c: c.detect(JPEG, mirrored="no")),  # type: ignore[arg-type]
    ("timeout_s must be", lambda c: c.detect(JPEG, timeout_s="3")),  # type: ignore[arg-type]
    ("timeout_s must be", lambda c: c.server_info(timeout_s="3")),  # type: ignore[arg-type]
    ("several pictures", lambda c: c.stream("in.mp4")),
    ("several pictures", lambda c: c.stream(Path("in.mp4"))),  # type: ignore[arg-type]
    ("several pictures", lambda c: c.stream(JPEG)),  # type: ignore[arg-type]
    ("several pictures", lambda c: c.stream(Frame(JPEG))),  # type: ignore[arg-type]
    ("several pictures", lambda c: c.stream(RawImage(b"123", 1, 1))),  # type: ignore[arg-type]
    ("several pictures", lambda c: c.stream(io.BytesIO(JPEG))),
    ("an iterable", lambda c: c.stream(None)),  # type: ignore[arg-type]
    ("fps must be", lambda c: c.stream([JPEG], fps="30")),  # type: ignore[arg-type]
    ("smoothing must be", lambda c: c.stream([JPEG], smoothing=[1])),  # type: ignore[arg-type]
    ("resume_timeout_s", lambda c: c.stream([], resume_timeout_s="9")),  # type: ignore[arg-type]
    ("keypoints are", lambda c: c.measure(None, (4, 4), "splits")),  # type: ignore[arg-type]
    ("keypoints are", lambda c: c.measure("nose", (4, 4), "splits")),  # type: ignore[arg-type]
    ("row of nose", lambda c: c.measure([None] * 17, (4, 4), "splits")),  # type: ignore[arg-type]
    ("image_size must be", lambda c: c.measure(ROWS, 640, "splits")),  # type: ignore[arg-type]
    ("width_px must be", lambda c: c.measure(ROWS, ("a", "b"), "")),  # type: ignore[arg-type]
    ("width_px must be", lambda c: c.measure(ROWS, (6.5, 4), "")),  # type: ignore[arg-type]
]
WRONG_VALUES: list[tuple[str, Call]] = [
    ("timeout_s must be above 0 and finite, not -1", lambda c: c.detect(JPEG, timeout_s=-1)),
    (
        "timeout_s must be above 0 and finite, not 0",
        lambda c: c.measure(ROWS, (4, 4), "splits", timeout_s=0),
    ),
    ("timeout_s must be above 0 and finite, not nan", lambda c: c.wait_ready(float("nan"))),
    (
        "timeout_s must be above 0 and finite, not inf",
        lambda c: c.stream([JPEG], timeout_s=float("inf")),
    ),
    ("resume_timeout_s must be above 0", lambda c: c.stream([JPEG], resume_timeout_s=0)),
    ("fps must be above 0", lambda c: c.stream([JPEG], fps=0)),
    ("max_people must be 1 or more, not 0", lambda c: c.detect(JPEG, max_people=0)),
    ("max_in_flight must be 1 or more", lambda c: c.stream([JPEG], max_in_flight=-1)),
    ("region must be 4 finite numbers", lambda c: c.detect(JPEG, region=(1, 2, 3))),
    ("height_px must be 1 or more, not 0", lambda c: c.measure(ROWS, (4, 0), "splits")),
]
UNKNOWN_NAMES: list[tuple[str, Call]] = [
    (
        "'knee_flexon' is no measurement; did you mean 'knee_flexion'",
        lambda c: c.detect(JPEG, "knee_flexon"),
    ),
    ("did you mean 'knee_flexion'", lambda c: c.detect(JPEG, "Knee Flexion")),
    ("did you mean 'left'", lambda c: c.stream([JPEG], "splits", "lft")),
    ("use one of left, right, both", lambda c: c.detect(JPEG, "splits", "top")),
    ("did you mean 'find_people'", lambda c: c.detect(JPEG, search="find-people")),
    ("did you mean 'latest'", lambda c: c.stream([JPEG], overflow="last")),
    ("is no smoothing", lambda c: c.stream([JPEG], smoothing="strong")),
    ("did you mean 'left_knee'", lambda c: c.measure({"left_kne": (1, 2, 0.9)}, (4, 4), "splits")),
    ("a data: URL", lambda c: c.detect("data:image/jpeg;base64,/9j/4AAQ")),
    ("URL of another kind (ftp)", lambda c: c.detect("ftp://example.org/photo.jpg")),
    ("looks like base64", lambda c: c.detect(base64.b64encode(bytes(1000)).decode())),
]


def _run(client: type, target: str, call: Call) -> None:
    """Makes the call on either client, to its end."""
    if client is JointTrackClient:
        with JointTrackClient(target) as blocking:
            call(blocking)
        return

    async def main() -> None:
        async with AsyncJointTrackClient(target) as awaited:
            started = cast(Any, call(cast(Any, awaited)))
            if not isinstance(started, AsyncGenerator):
                await started

    asyncio.run(main())


def _is_refused(client: type, call: Call, kind: type[Exception], says: str) -> None:
    with FakeServer() as server:
        with pytest.raises(kind) as caught:
            _run(client, server.target, call)
        assert says.lower() in str(caught.value).lower()
        assert not server.metadata


@pytest.mark.parametrize("client", [JointTrackClient, AsyncJointTrackClient])
@pytest.mark.parametrize(("says", "call"), WRONG_TYPES)
def test_a_wrong_type_says_what_to_give(client: type, says: str, call: Call) -> None:
    _is_refused(client, call, TypeError, says)


@pytest.mark.parametrize("client", [JointTrackClient, AsyncJointTrackClient])
@pytest.mark.parametrize(("says", "call"), WRONG_VALUES)
def test_an_impossible_value_says_what_is_possible(client: type, says: str, call: Call) -> None:
    _is_refused(client, call, ValueError, says)


@pytest.mark.parametrize("client", [JointTrackClient, AsyncJointTrackClient])
@pytest.mark.parametrize(("says", "call"), UNKNOWN_NAMES)
def test_an_unknown_name_says_which_was_meant(client: type, says: str, call: Call) -> None:
    _is_refused(client, call, InvalidRequestError, says)


@pytest.mark.parametrize(
    ("frame", "kind", "says"),
    [
        (None, TypeError, "A picture is"),
        (Frame(JPEG, sequence_id=-1), ValueError, "sequence_id must be 0 or more"),
        (Frame(JPEG, sequence_id="1"), TypeError, "sequence_id must be"),  # type: ignore[arg-type]
        (Frame(JPEG, 0, "now"), TypeError, "capture_offset_s must be"),  # type: ignore[arg-type]
        (Frame(JPEG, 0, float("nan")), ValueError, "capture_offset_s must be"),
    ],
)
def test_a_wrong_frame_ends_the_stream(frame: Any, kind: type[Exception], says: str) -> None:
    with (
        FakeServer() as server,
        JointTrackClient(server.target) as client,
        pytest.raises(kind, match=says),
    ):
        list(client.stream([frame]))
    assert not server.frame.requests


def test_a_blocking_client_cannot_await_frames() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        yield JPEG

    with JointTrackClient() as client, pytest.raises(TypeError, match="AsyncJointTrackClient"):
        client.stream(frames())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "says", "make"),
    [
        (TypeError, "target must be", lambda: JointTrackClient(50051)),  # type: ignore[arg-type]
        (ValueError, "host:port", lambda: JointTrackClient("")),
        (TypeError, "api_key must be", lambda: JointTrackClient(api_key=b"k")),  # type: ignore[arg-type]
        (ValueError, "line break", lambda: JointTrackAdmin(api_key="jt_key\n")),
        (TypeError, "timeout_s must", lambda: JointTrackClient(timeout_s=None)),  # type: ignore[arg-type]
        (ValueError, "timeout_s must", lambda: AsyncJointTrackClient(timeout_s=-1)),
        (ValueError, "retries must be 0 to 4", lambda: JointTrackClient(retries=5)),
        (TypeError, "retries must be", lambda: JointTrackClient(retries=1.5)),  # type: ignore[arg-type]
        (ValueError, "max_message_bytes", lambda: JointTrackClient(max_message_bytes=0)),
        (TypeError, "in a dict", lambda: JointTrackClient(channel_options=[("a", 1)])),  # type: ignore[arg-type]
        (TypeError, "PEM bytes", lambda: JointTrackClient(tls=3)),  # type: ignore[arg-type]
        (TypeError, "ClientCertificate", lambda: JointTrackClient(client_certificate=("a", "b"))),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_connection_is_refused_at_once(
    kind: type[Exception], says: str, make: Callable[[], object]
) -> None:
    with pytest.raises(kind, match=says):
        make()


@pytest.mark.parametrize(
    ("says", "call"),
    [
        ("key_id must be", lambda a: a.revoke_key(None)),
        ("key_id must be", lambda a: a.rotate_key(7)),
        ("overlap_s must be", lambda a: a.rotate_key("0a1b2c3d", overlap_s="day")),
        ("name must be", lambda a: a.create_key(None)),
        ("scopes must be", lambda a: a.create_key("clinic", 1)),
        ("expires_at must be", lambda a: a.create_key("clinic", expires_at="tomorrow")),
    ],
)
def test_an_administrator_is_told_as_well(says: str, call: Callable[[Any], object]) -> None:
    with JointTrackAdmin() as admin, pytest.raises(TypeError, match=says):
        call(admin)
