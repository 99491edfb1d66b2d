"""The same table from a Ray cluster, also when actors die on the way."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.distributed.conftest import TOKEN
from tests.support.batch import FAST, Rows, batch, copies, failures, parts, paths, rows, start
from tests.support.clips import WALK
from tests.support.command import ENVIRONMENT
from tests.support.servers import DATA
from tests.support.waiting import eventually

PICTURES, FRAMES = 160, 132
KNEE = ("-m", "knee_flexion")
OPTIONS = (*KNEE, "--save-every", "0.1")
ON_RAY = ("--backend", "ray", "--workers", "2")
WAIT_S = 240.0
STRANGE = "from tests.support.strange_files import command; command()"


def actors() -> dict[int, psutil.Process]:
    """Those that measure, by process id."""
    found = {}
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or [""]
        if command[0].startswith("ray::MapWorker"):
            found[process.pid] = process
    return found


def measured(table: Rows) -> Rows:
    """Without what differs from copy to copy."""
    return [{**row, "path": None, "file_modified": None} for row in table]


def test_an_archive_on_ray_while_an_actor_is_killed(cluster: str, tmp_path: Path) -> None:
    archive, out = tmp_path / "archive", tmp_path / "ray"
    copies(archive, PICTURES)
    copies(archive, 1, WALK.name)
    (archive / "bad.jpg").write_text("no picture")
    others = actors()
    with start(archive, out, *OPTIONS, *ON_RAY, "--ray-address", cluster, **TOKEN) as process:
        deadline_s = time.monotonic() + WAIT_S
        while not parts(out):
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        (victim, *_) = [one for pid, one in actors().items() if pid not in others]
        victim.send_signal(signal.SIGKILL)
        before = len(set(paths(out)))
        _, shown = process.communicate(timeout=WAIT_S)
    assert process.returncode == 3, shown
    assert 0 < before < PICTURES, "it was killed on the way"
    assert failures(out) == {"bad.jpg": "invalid_image"}
    assert Counter(Counter(paths(out)).values()) == {1: PICTURES, FRAMES: 1}

    one_of_each, here = tmp_path / "one_of_each", tmp_path / "here"
    copies(one_of_each, 1)
    copies(one_of_each, 1, WALK.name)
    assert batch(one_of_each, here, *OPTIONS).returncode == 0
    picture, *video = measured(rows(here))
    assert measured(rows(out)) == [picture, *video, *[picture] * (PICTURES - 1)]


def test_a_file_that_keeps_or_kills_its_workers(cluster: str, tmp_path: Path) -> None:
    archive, out = tmp_path / "archive", tmp_path / "out"
    names = copies(archive, 34)
    names.insert(32, "strange.jpg")
    (archive / "names.txt").write_text("\n".join(names))
    source = f"strange://{archive}/names.txt"
    command = [sys.executable, "-c", STRANGE, "batch", source, "--out", str(out), *KNEE, *FAST]
    on_ray = ["--backend", "ray", "--ray-address", cluster, "--workers", "1", "--save-every", "0"]

    variables = {**ENVIRONMENT, **TOKEN, "PYTHONPATH": str(DATA.parents[1])}

    @contextmanager
    def strange_batch() -> Iterator["subprocess.Popen[str]"]:
        with subprocess.Popen(
            [*command, *on_ray], env=variables, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    (archive / "strange.jpg").write_text("waits")
    with strange_batch() as process:
        eventually((archive / "strange.reached").exists, within_s=WAIT_S)
        process.send_signal(signal.SIGINT)
        _, shown = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130, shown
    # Ray hands the two blocks out in any order, so that the other one may have come or not.
    assert not parts(out) or {*paths(out)} <= {*names[:32]}

    (archive / "strange.jpg").write_text("kills")
    with strange_batch() as process:
        _, shown = process.communicate(timeout=WAIT_S)
    assert process.returncode == 3, shown
    assert failures(out) == {"strange.jpg": "worker_died"}
    assert paths(out) == sorted({*names} - {"strange.jpg"})
