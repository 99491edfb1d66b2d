"""Sources that need nothing but the client: folders and JPEGs on standard input."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jointtrack import video_frames
from jointtrack._mjpeg import split_jpegs
from jointtrack.testing import FakeServer

if TYPE_CHECKING:
    from tests.client.conftest import Shell

# SOI; an APP1 segment that holds a thumbnail's SOI and EOI; SOS; data with a stuffed 0xFF, a
# restart marker and fill bytes; EOI.
SCAN = b"\xff\xda\x00\x03\x01" + b"data\xff\x00data\xff\xd0data"
JPEG = b"\xff\xd8" + b"\xff\xe1\x00\x06\xff\xd8\xff\xd9" + SCAN + b"\xff\xff\xd9"
OTHER = b"\xff\xd8" + SCAN + b"\xff\xd9"


def _chunks(data: bytes, size: int) -> Iterable[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_jpegs_are_cut_apart_whole(size: int) -> None:
    multipart = b"--part\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n--part\xff\r\n" + OTHER
    assert list(split_jpegs(_chunks(multipart + JPEG, size))) == [JPEG, OTHER, JPEG]


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "broken",
    [
        JPEG[:-10],  # a scan that the next picture's start ends
        b"\xff\xd8\x00\x00",  # no marker where one must be
        b"\xff\xd8",
    ],
)
def test_a_broken_jpeg_does_not_hide_the_next_one(broken: bytes, size: int) -> None:
    assert list(split_jpegs(_chunks(OTHER + broken + OTHER, size))) == [OTHER, None, OTHER]


def test_a_jpeg_without_an_end_is_broken() -> None:
    assert list(split_jpegs([OTHER, JPEG[:-2]])) == [OTHER, None]
    assert list(split_jpegs([b"no picture", b"\xff"])) == []


def test_a_jpeg_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jointtrack._mjpeg.MAX_JPEG_BYTES", 100)
    endless = b"\xff\xd8" + SCAN + b"x" * 100
    assert list(split_jpegs([endless, b"yyy", OTHER])) == [None, OTHER]


STANDARD_INPUT = """
import sys
from jointtrack import video_frames
frames = video_frames("-", fps={fps})
for frame in frames:
    print(frame.sequence_id, frame.capture_offset_s, len(frame.image), flush=True)
print(frames.broken, frames.total)
"""


def _start(fps: float | None) -> "subprocess.Popen[bytes]":
    code = STANDARD_INPUT.format(fps=fps)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_standard_input_with_fps() -> None:
    with _start(fps=10) as process:
        output, _ = process.communicate(OTHER + JPEG[:-3] + JPEG + OTHER)
    lines = [f"0 0.0 {len(OTHER)}", f"1 0.2 {len(JPEG)}", f"2 0.3 {len(OTHER)}", "1 None"]
    assert output.decode().splitlines() == lines


def test_standard_input_is_live() -> None:
    with _start(fps=None) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        times = []
        for _ in range(3):
            process.stdin.write(OTHER)
            process.stdin.flush()
            times.append(float(process.stdout.readline().split()[1]))
        process.stdin.close()
    assert times[0] == 0.0 < times[1] < times[2]


def test_a_folder_comes_in_natural_order(
    server: FakeServer, shell: "Shell", tmp_path: Path
) -> None:
    for name in ("frame10.jpg", "frame9.JPG", "frame100.png", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    frames = video_frames(tmp_path, fps=4)
    assert (frames.total, frames.broken) == (3, 0)
    shell.stream(frames)
    sent = server.frame.requests
    assert [item.image.encoded for item in sent] == [b"frame9.JPG", b"frame10.jpg", b"frame100.png"]
    assert [item.capture_offset.ToMilliseconds() for item in sent] == [0, 250, 500]
    assert [item.sequence_id for item in sent] == [0, 1, 2]


def test_a_folder_has_no_times_and_may_have_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give fps"):
        video_frames(str(tmp_path))
    with pytest.raises(ValueError, match="no pictures"):
        video_frames(tmp_path, fps=30)
    with pytest.raises(ValueError, match="above 0"):
        video_frames(tmp_path, fps=0)


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['av'] = None\n"
        "from jointtrack import video_frames\n"
        "try:\n    video_frames('in.mp4')\n"
        "except ImportError as error:\n    print(error.name, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("av ")
    assert "pip install 'jointtrack[video]'" in done.stdout
