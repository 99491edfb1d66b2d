"""Two real servers as processes, for what spreads calls over servers."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import requests

from jointtrack import Frame, FrameDetection, JointTrackClient, StreamResumed
from tests.support.clips import SEEN
from tests.support.metrics import Scrape
from tests.support.serving import PHOTO, Served, serving
from tests.support.streams import walk_frames
from tests.support.waiting import eventually

LIMIT_S = 180.0
CALLERS = 4
STREAMS = 4


@contextmanager
def two_servers(folder: Path, **variables: str) -> Iterator[tuple[Served, Served]]:
    """Without keys; models are loaded at their first use."""
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:

        def start(name: str) -> Served:
            options = ("--no-auth", "--data-dir", str(folder / name))
            server = serving(folder / name, *options, JOINTTRACK_PRELOAD="none", **variables)
            return stack.enter_context(server)

        first, second = pool.map(start, ("first", "second"))
        yield first, second


def counted(servers: Sequence[Served], name: str, **labels: str) -> list[float]:
    """A metric of each server."""
    texts = [requests.get(f"{one.url}/metrics", timeout=LIMIT_S).text for one in servers]
    return [Scrape(text).value(name, **labels) for text in texts]


@dataclass
class Work:
    """Callers and streams on one client, which go on while servers die."""

    client: JointTrackClient
    angles: list[float | None] = field(default_factory=list)
    """The left shoulder's, one for each call that was answered."""
    ids: list[list[int]] = field(default_factory=lambda: [[] for _ in range(STREAMS)])
    """Of the frames that each stream has had answers for, in order."""
    resumed: list[int] = field(default_factory=lambda: [0] * STREAMS)
    """How often each stream was interrupted."""
    is_over: threading.Event = field(default_factory=threading.Event)
    parts: list[Future[None]] = field(default_factory=list)

    def call(self) -> None:
        photo = PHOTO.read_bytes()
        while not self.is_over.is_set():
            person = self.client.detect(photo, ["shoulder_abduction"]).person
            self.angles.append(person.angle("shoulder_abduction").left)

    def stream(self, number: int) -> None:
        for answer in self.client.stream(self._frames(), fps=30, resume_timeout_s=LIMIT_S):
            if isinstance(answer, StreamResumed):
                self.resumed[number] += 1
            elif isinstance(answer, FrameDetection):
                self.ids[number].append(answer.sequence_id)

    def _frames(self) -> Iterator[Frame]:
        for at, data in enumerate(cycle(walk_frames()[SEEN:])):
            if self.is_over.is_set():
                return
            yield Frame(data, at, at / 30)

    @property
    def progress(self) -> tuple[int, int]:
        """Calls answered, and frames of the stream that has the fewest."""
        return len(self.angles), min(map(len, self.ids))

    def await_more(self, calls: int, frames: int) -> None:
        """Waits until so many more calls, and frames of each stream, are answered."""
        done_calls, done_frames = self.progress
        wanted = (done_calls + calls, done_frames + frames)
        eventually(
            lambda: (
                any(part.done() for part in self.parts)
                or all(has >= want for has, want in zip(self.progress, wanted, strict=True))
            )
        )


@contextmanager
def at_work(client: JointTrackClient) -> Iterator[Work]:
    """Ends the work when left, and raises what failed in it."""
    work = Work(client)
    with ThreadPoolExecutor(CALLERS + STREAMS) as pool:
        work.parts += [pool.submit(work.call) for _ in range(CALLERS)]
        work.parts += [pool.submit(work.stream, number) for number in range(STREAMS)]
        try:
            yield work
        finally:
            work.is_over.set()
        for part in work.parts:
            part.result(LIMIT_S)


def assert_nothing_lost(work: Work) -> None:
    """Every frame was answered once and in order, and all calls have the same answer."""
    for ids in work.ids:
        assert ids == list(range(len(ids)))
    assert len(set(work.angles)) == 1
