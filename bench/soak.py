"""`make soak`: mixed load for minutes; memory, file descriptors and threads must stay flat.

Good pictures, streams, bad input of every kind, calls given up, wrong keys: at the same time, on
the real server with keys, in a process of its own.
"""

import json
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import requests
from rich.progress import Progress

from bench.report import RESULTS, plot
from bench.servers import Server, jointtrack
from jointtrack import AuthenticationError, InvalidRequestError, JointTrackClient, JointTrackError

DATA = Path(__file__).parents[1] / "tests" / "data"
PHOTO = (DATA / "arms_out_front.jpg").read_bytes()
WALKER = (DATA / "walk_side.jpg").read_bytes()
STREAM_FRAMES = 40
BAD_PICTURES = (b"no picture", PHOTO[: len(PHOTO) // 2], PHOTO[:2000] + bytes(4000), b"GIF89a" * 9)
WARM_UP_SHARE = 0.4
"""Of the whole run: caches and the allocator's arenas fill up before memory is looked at."""
ALONE_S = 5.0
"""Before the load, for one caller: a model is compiled once more, with threads of its own, when
pictures first come alone. Under load that is now or then, and would look like growth."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the server held at a moment, in seconds since the start."""

    at_s: float
    resident_mb: float
    descriptors: int
    threads: int


@dataclass(slots=True)
class Soak:
    """What came of it: ``counts`` by kind and outcome; ``surprises`` should be empty."""

    samples: list[Sample] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)

    def growth(self, read: Callable[[Sample], float]) -> float:
        """Median of the last third after the warm-up less that of the first third."""
        warm = self.samples[int(len(self.samples) * WARM_UP_SHARE) :]
        third = max(1, len(warm) // 3)
        values = [read(sample) for sample in warm]
        return statistics.median(values[-third:]) - statistics.median(values[:third])


def run(server: Server, seconds: float, tick: Callable[[float], None] = lambda _: None) -> Soak:
    """Loads the server from threads of this process and samples it every half second."""
    _call_alone(server)
    soak, end_s = Soak(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=_repeat, args=(name, work, server, soak, end_s), daemon=True)
        for name, work in LOADS
    ]
    began_s = time.monotonic()
    for thread in threads:
        thread.start()
    while (now_s := time.monotonic()) < end_s:
        soak.samples.append(
            Sample(
                now_s - began_s,
                server.resident_mb(),
                server.process.num_fds(),
                server.process.num_threads(),
            )
        )
        tick(now_s - began_s)
        time.sleep(0.5)
    for thread in threads:
        thread.join(60)
    return soak


def _call_alone(server: Server) -> None:
    end_s = time.monotonic() + ALONE_S
    with JointTrackClient(server.grpc, api_key=server.key, timeout_s=60.0) as client:
        while time.monotonic() < end_s:
            client.detect(PHOTO)


def _repeat(
    name: str,
    work: Callable[[JointTrackClient, Server], str],
    server: Server,
    soak: Soak,
    end_s: float,
) -> None:
    with JointTrackClient(server.grpc, api_key=server.key, timeout_s=60.0) as client:
        while time.monotonic() < end_s:
            try:
                soak.counts[f"{name}: {work(client, server)}"] += 1
            except Exception as error:
                soak.surprises.append(f"{name}: {error!r}")
                time.sleep(0.1)


def _detect(client: JointTrackClient, _server: Server) -> str:
    result = client.detect(PHOTO, ["shoulder_abduction"], include_overlays=True)
    return f"{len(result.people)} person"


def _stream(client: JointTrackClient, _server: Server) -> str:
    frames = [PHOTO, WALKER, b"a bad frame", WALKER] * (STREAM_FRAMES // 4)
    answers = list(client.stream(frames, ["knee_flexion"], fps=30))
    return f"{len(answers)} answers"


def _abandoned_stream(client: JointTrackClient, _server: Server) -> str:
    answers = client.stream((WALKER for _ in range(STREAM_FRAMES)), fps=30)
    for _ in range(5):
        next(answers)
    answers.close()
    return "given up"


def _bad_picture(client: JointTrackClient, _server: Server) -> str:
    for data in BAD_PICTURES:
        with suppress(InvalidRequestError):
            client.detect(data)
            return "a bad picture was taken"
    return "refused"


def _given_up(client: JointTrackClient, _server: Server) -> str:
    try:
        client.detect(PHOTO, timeout_s=0.02)
    except JointTrackError as error:
        return error.code
    return "answered"


def _no_key(_client: JointTrackClient, server: Server) -> str:
    with JointTrackClient(server.grpc, api_key="jt_00000000_wrong") as stranger:
        try:
            stranger.detect(PHOTO)
        except AuthenticationError:
            return "refused"
    return "let in"


def _garbage(_client: JointTrackClient, server: Server) -> str:
    with grpc.insecure_channel(server.grpc) as channel:
        call: Any = channel.unary_unary("/jointtrack.v1.JointTrackService/Detect")
        try:
            call(b"\xff" * 64, metadata=(("x-api-key", server.key),), timeout=30)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "answered"


def _rest(_client: JointTrackClient, server: Server) -> str:
    statuses = []
    for image, key in ((PHOTO, server.key), (b"no picture", server.key), (PHOTO, "wrong")):
        answer = requests.post(
            f"http://{server.http}/detect",
            headers={"X-API-Key": key},
            files={"image": image},
            data={"measurement": "shoulder_abduction"},
            timeout=60,
        )
        statuses.append(str(answer.status_code))
    return "/".join(statuses)


LOADS: tuple[tuple[str, Callable[[JointTrackClient, Server], str]], ...] = (
    ("picture", _detect),
    ("picture", _detect),
    ("stream", _stream),
    ("abandoned stream", _abandoned_stream),
    ("bad picture", _bad_picture),
    ("given up", _given_up),
    ("no key", _no_key),
    ("garbage", _garbage),
    ("REST", _rest),
)


def _lines(soak: Soak) -> Iterator[str]:
    for what, count in sorted(soak.counts.items()):
        yield f"{count:7}  {what}"
    first, last = soak.samples[0], soak.samples[-1]
    yield f"resident {first.resident_mb:.0f} -> {last.resident_mb:.0f} MB; after the warm-up:"
    yield f"  {soak.growth(lambda one: one.resident_mb):+.1f} MB"
    yield f"  {soak.growth(lambda one: one.descriptors):+.0f} file descriptors"
    yield f"  {soak.growth(lambda one: one.threads):+.0f} threads"
    yield f"{len(soak.surprises)} surprises {soak.surprises[:5]}"


def main() -> None:
    """Runs for the minutes given as the only argument, and writes bench/results/soak.*."""
    seconds = float(sys.argv[1]) * 60.0
    with jointtrack(auth=True) as server, Progress() as progress:
        task = progress.add_task("soaking", total=seconds)
        soak = run(server, seconds, lambda at_s: progress.update(task, completed=at_s))
    print("\n".join(_lines(soak)))
    RESULTS.mkdir(exist_ok=True)
    curves = {
        "seconds | resident MB": [(one.at_s, one.resident_mb) for one in soak.samples],
        "seconds | file descriptors": [(one.at_s, float(one.descriptors)) for one in soak.samples],
        "seconds | threads": [(one.at_s, float(one.threads)) for one in soak.samples],
    }
    plot(curves, RESULTS / "soak.png")
    (RESULTS / "soak.json").write_text(json.dumps([soak.counts, soak.surprises], indent=1) + "\n")
    sys.exit(bool(soak.surprises))


if __name__ == "__main__":
    main()
