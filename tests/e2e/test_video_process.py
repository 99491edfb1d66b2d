"""`jointtrack video` as a process: standard input, --local, Ctrl-C."""

import contextlib
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.support.clips import decode, even_times, jpeg, walk_pictures, write_clip
from tests.support.servers import RunningServer
from tests.support.video_command import KNEE, connection, start, table


def test_local_needs_no_server(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", walk_pictures(10), even_times(10))
    process = start(clip, *KNEE, "--local", "-o", tmp_path / "out.mp4", "--csv", tmp_path / "a.csv")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert b"10 frames, 0 bad" in out
    assert len(decode(tmp_path / "out.mp4").frames) == 10
    assert any(row["value_deg"] for row in table(tmp_path / "a.csv"))


def test_mjpeg_on_standard_input(server: RunningServer, tmp_path: Path) -> None:
    options = ("--fps", "25", "-o", tmp_path / "out.mp4")
    process = start("-", *KNEE, *options, *connection(server))
    out, err = process.communicate(b"".join(map(jpeg, walk_pictures(5))), timeout=60)
    assert process.returncode == 0, err
    assert b"5 frames, 0 bad" in out
    assert decode(tmp_path / "out.mp4").times_s == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


def test_standard_input_without_a_picture(tmp_path: Path) -> None:
    process = start("-", *KNEE, "--csv", tmp_path / "a.csv")
    _, err = process.communicate(b"nothing", timeout=60)
    assert process.returncode == 1
    assert err == b"jointtrack: standard input has no frames that can be read (0 broken).\n"


def test_ctrl_c_leaves_whole_files_of_what_was_done(server: RunningServer, tmp_path: Path) -> None:
    options = [("-o", "out.mp4"), ("--csv", "a.csv"), ("--json", "a.json"), ("--plot", "a.png")]
    outputs = [part for option, name in options for part in (option, tmp_path / name)]
    process = start("-", *KNEE, *outputs, *connection(server), "--fps", "30")
    assert process.stdin is not None
    frames = [jpeg(picture) for picture in walk_pictures(8)]
    process.stdin.write(b"".join(frames))
    process.stdin.flush()
    part = tmp_path / ".a.csv.part"
    deadline_s = time.monotonic() + 30
    while not part.exists() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _feed_until_the_end(process, frames[-1])
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert b"interrupted" in err
    assert not part.exists()
    count = len(decode(tmp_path / "out.mp4").frames)
    assert count >= 8
    assert len(table(tmp_path / "a.csv")) >= 2 * count
    assert json.loads((tmp_path / "a.json").read_text())["ended_early"] == "interrupted"
    with Image.open(tmp_path / "a.png") as image:
        image.load()


def _feed_until_the_end(process: "subprocess.Popen[bytes]", frame: bytes) -> None:
    """A live source goes on until it is no longer read."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        while process.poll() is None:
            pipe.write(frame)
            pipe.flush()
            time.sleep(0.05)
    process.stdin = None
