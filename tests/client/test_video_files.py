"""Video files; the clips are written here. Needs PyAV."""

import io
import time
import weakref
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from jointtrack import Frame, JointTrackClient, RawImage, StreamSummary, video_frames
from jointtrack._av_pictures import QUARTER_TURNS, UPRIGHT, _orientation
from jointtrack.testing import FakeServer

if TYPE_CHECKING:
    from tests.client.conftest import Shell

DATA = Path(__file__).parents[1] / "data"
WIDTH, HEIGHT, COUNT = 160, 120, 24
RED, GREEN, BLUE, GREY = (230, 20, 20), (20, 200, 20), (20, 20, 230), (128, 128, 128)
CORNERS = np.array([[RED, GREEN], [BLUE, GREY]], np.uint8)
"""The four quarters of a frame as it is stored."""

Picture = NDArray[np.uint8]


def _write(
    path: Path,
    corners: Picture = CORNERS,
    *,
    codec: str = "libx264",
    times_ms: Sequence[int] = range(0, COUNT * 40, 40),
    pixel_aspect: Fraction | None = None,
    turn: tuple[float, bool, bool] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip whose frames show ``corners``; ``turn`` is FFmpeg's degrees, hflip and vflip."""
    picture = corners.repeat(HEIGHT // 2, axis=0).repeat(WIDTH // 2, axis=1)
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, options=options or {})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = picture.shape[1], picture.shape[0]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if turn is not None:
            stream.set_display_rotation(*turn)
        for time_ms in times_ms:
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = time_ms, stream.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _break_packet(path: Path, time_ms: int) -> None:
    """Overwrites the frame of that time."""
    with av.open(path) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        ((start, size),) = [
            (packet.pos, packet.size)
            for packet in packets
            if packet.pts is not None and round(packet.pts * packet.time_base * 1000) == time_ms
        ]
        del packets
    assert start is not None
    data = bytearray(path.read_bytes())
    data[start : start + size] = b"\xff" * size
    path.write_bytes(data)


def _pixels(frame: Frame) -> Picture:
    raw = frame.image
    assert isinstance(raw, RawImage)
    rows = np.frombuffer(raw.data, np.uint8).reshape(raw.height_px, raw.row_stride_bytes)
    return rows[:, : raw.width_px * 3].reshape(raw.height_px, raw.width_px, 3)


def _decode(jpeg: object) -> Picture:
    assert isinstance(jpeg, bytes)
    with av.open(io.BytesIO(jpeg), "r", format="mjpeg") as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(np.uint8)


def _corners(picture: Picture) -> NDArray[np.int64]:
    """The colours in the middle of the four quarters."""
    height, width = picture.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    return picture[np.ix_(rows, columns)].astype(np.int64)


def _assert_like(picture: Picture, corners: Picture) -> None:
    assert np.abs(_corners(picture) - corners).max() < 25, _corners(picture).tolist()


def _offsets_ms(frames: Sequence[Frame]) -> list[float]:
    offsets_s = [frame.capture_offset_s for frame in frames]
    return [round(offset_s * 1000, 3) for offset_s in offsets_s if offset_s is not None]


def test_the_sample_has_132_frames_with_increasing_times() -> None:
    frames = video_frames(DATA / "walk_side.mp4")
    assert frames.total == 132
    taken = list(frames)
    assert (len(taken), frames.broken) == (132, 0)
    assert [frame.sequence_id for frame in taken] == list(range(132))
    assert _offsets_ms(taken) == [round(index * 1000 / 30, 3) for index in range(132)]
    assert _pixels(taken[0]).shape == (550, 1000, 3)


def test_a_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times_ms = [5 * index * index for index in range(COUNT)]
    path = _write(tmp_path / "in.mp4", times_ms=times_ms)
    assert _offsets_ms(list(video_frames(path))) == times_ms
    assert _offsets_ms(list(video_frames(path, fps=3))) == times_ms, "fps overrules no timestamp"


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    path = _write(tmp_path / "in.ts", times_ms=range(7000, 7400, 40))
    assert _offsets_ms(list(video_frames(path))) == list(range(0, 400, 40))


def test_a_bare_stream_has_no_times(tmp_path: Path) -> None:
    path = _write(tmp_path / "in.h264")
    assert _offsets_ms(list(video_frames(path, fps=50))) == [20.0 * i for i in range(COUNT)]


@pytest.mark.parametrize("jpeg", [False, True])
@pytest.mark.parametrize("flip", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_display_matrix_turns_the_frames(
    tmp_path: Path, degrees: int, flip: tuple[bool, bool], jpeg: bool
) -> None:
    horizontally, vertically = flip
    shown = np.rot90(CORNERS, degrees // 90)  # counter-clockwise, and then flipped
    shown = shown[:, ::-1] if horizontally else shown
    shown = shown[::-1] if vertically else shown
    path = _write(tmp_path / "in.mp4", turn=(degrees, horizontally, vertically))
    for frame in video_frames(path, jpeg=jpeg):
        picture = _decode(frame.image) if jpeg else _pixels(frame)
        assert picture.shape[:2] == ((WIDTH, HEIGHT) if degrees % 180 else (HEIGHT, WIDTH))
        _assert_like(picture, shown)


@pytest.mark.parametrize(
    ("pixel_aspect", "degrees", "size"),
    [
        (Fraction(2, 1), 0, (2 * WIDTH, HEIGHT)),
        (Fraction(1, 2), 0, (WIDTH, 2 * HEIGHT)),
        (Fraction(2, 1), 90, (HEIGHT, 2 * WIDTH)),
        (Fraction(1, 1), 0, (WIDTH, HEIGHT)),
    ],
)
def test_pixels_become_square(
    tmp_path: Path, pixel_aspect: Fraction, degrees: int, size: tuple[int, int]
) -> None:
    path = _write(tmp_path / "in.mp4", pixel_aspect=pixel_aspect, turn=(degrees, False, False))
    picture = _pixels(next(video_frames(path)))
    assert (picture.shape[1], picture.shape[0]) == size
    _assert_like(picture, np.rot90(CORNERS, degrees // 90))


@pytest.mark.parametrize(
    ("codec", "name", "lost"),
    [
        ("libx264", "in.mp4", 1),
        ("mjpeg", "in.avi", 1),
        # Its decoder drops, without an error, what refers to the broken frame: up to the next key.
        ("libx265", "in.mp4", 4),
    ],
)
def test_a_broken_frame_is_left_out_and_counted(
    tmp_path: Path, codec: str, name: str, lost: int
) -> None:
    options = {"x265-params": "keyint=12:bframes=0:log-level=none"} if codec == "libx265" else {}
    path = _write(tmp_path / name, codec=codec, options=options)
    _break_packet(path, 320)
    frames = video_frames(path)
    taken = list(frames)
    assert (len(taken), frames.broken) == (COUNT - lost, lost)
    assert [frame.sequence_id for frame in taken] == list(range(COUNT - lost))
    missing_ms = set(range(0, COUNT * 40, 40)) - set(_offsets_ms(taken))
    assert missing_ms == {320 + 40 * index for index in range(lost)}


@pytest.mark.parametrize("jpeg", [False, True])
def test_frames_go_through_a_stream(server: FakeServer, shell: "Shell", jpeg: bool) -> None:
    answers = shell.stream(video_frames(DATA / "walk_side.mp4", jpeg=jpeg), "knee_flexion")
    last = answers[-1]
    assert isinstance(last, StreamSummary)
    assert (len(answers), last.frame_count) == (133, 132)
    assert last.duration_s == pytest.approx(131 / 30)
    sources = {item.image.WhichOneof("source") for item in server.frame.requests}
    assert sources == {"encoded" if jpeg else "raw"}


def test_jpegs_are_small_and_close(tmp_path: Path) -> None:
    path = DATA / "walk_side.mp4"
    pixels = _pixels(next(video_frames(path)))
    jpeg = next(video_frames(path, jpeg=True)).image
    assert np.abs(_decode(jpeg).astype(np.int64) - pixels).mean() < 3.0
    assert isinstance(jpeg, bytes)
    assert len(jpeg) < pixels.nbytes / 15


def test_an_open_file_is_a_source() -> None:
    with (DATA / "walk_side.mp4").open("rb") as file:
        assert len(list(video_frames(file))) == 132


def test_leaving_a_stream_early_lets_go_of_the_video(server: FakeServer) -> None:
    frames = video_frames(DATA / "walk_side.mp4")
    alive = weakref.ref(frames)
    with JointTrackClient(server.target) as client:
        answers = client.stream(frames)
        del frames
        assert next(answers).sequence_id == 0
        answers.close()
    del answers
    for _ in range(50):
        if alive() is None:
            return
        time.sleep(0.1)
    raise AssertionError("the video is still referenced")


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_matrix_and_its_angle_say_the_same(tmp_path: Path, degrees: int) -> None:
    path = _write(tmp_path / "in.mp4", turn=(degrees, False, False))
    with av.open(path) as container:
        frame = next(container.decode(video=0))
    assert _orientation(frame) == QUARTER_TURNS.get(frame.rotation, UPRIGHT)


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.mp4"):
        video_frames(tmp_path / "none.mp4")
    with pytest.raises(FileNotFoundError, match="/dev/video97"):
        video_frames(97)
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    with pytest.raises(ValueError, match=r"notes\.mp4 is not a video that can be read"):
        video_frames(text)
    with pytest.raises(ConnectionRefusedError):
        video_frames("http://127.0.0.1:9/in.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(ValueError, match="has no video in it"):
        video_frames(path)
