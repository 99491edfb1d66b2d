"""Whatever ends a run, the next one goes on: no file is lost, none comes twice, no part is half."""

import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.batch import FAST, batch, copies, parts, paths, rows, start
from tests.support.clips import WALK

OPTIONS = ("-m", "knee_flexion", *FAST, "--save-every", "0.1", "--workers", "2")
FILES, VIDEOS, FRAMES = 401, 1, 132
WAIT_S = 60.0


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    copies(folder, FILES - VIDEOS)
    copies(folder, VIDEOS, WALK.name)
    return folder


def until_parts(out: Path, count: int) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while len(parts(out)) < count:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


ENDS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130, signal.SIGTERM: 130}
"""With their exit codes."""


def test_runs_that_are_ended_go_on(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    kept: dict[str, int] = {}
    for sign, code in ENDS.items():
        with start(archive, out, *OPTIONS) as process:
            until_parts(out, len(kept) + 2)
            process.send_signal(sign)
            process.communicate(timeout=WAIT_S)
        assert process.returncode == code
        found = Counter(paths(out))
        assert 0 < len(found) < FILES
        assert set(found.values()) <= {1, FRAMES}
        assert parts(out).items() >= kept.items(), "what was done is not done again"
        kept = parts(out)

    done = batch(archive, out, *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert parts(out).items() > kept.items()
    assert Counter(Counter(paths(out)).values()) == {1: FILES - VIDEOS, FRAMES: VIDEOS}
    assert {path.name for path in out.iterdir()} - parts(out).keys() == {".lock"}
    frames = [row["sequence_id"] for row in rows(out) if row["path"] == "000.mp4"]
    assert frames == list(range(FRAMES))
