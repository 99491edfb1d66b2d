"""The real server is stopped, or killed, and comes back on its port while callers are at work."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from jointtrack import (
    AsyncJointTrackClient,
    Frame,
    FrameDetection,
    JointTrackClient,
    StreamAnswer,
    StreamResumed,
    StreamSummary,
    UnavailableError,
)
from tests.client.conftest import AsyncShell, ShellFactory, SyncShell
from tests.support.clips import SEEN
from tests.support.restarts import RestartableServer, restartable_server
from tests.support.servers import DATA
from tests.support.streams import walk_frames
from tests.support.waiting import eventually

SHELLS: tuple[ShellFactory, ...] = (SyncShell, AsyncShell)
SIGNALS = [pytest.param(one, id=one.name) for one in (signal.SIGTERM, signal.SIGKILL)]
PHOTO = DATA / "arms_out_front.jpg"
CALL_TIMEOUT_S = 120.0
RESULT_S = 300.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestartableServer]:
    with restartable_server(tmp_path_factory.mktemp("restarts")) as server:
        yield server


class Walker:
    """Streams the walk; its last third is filmed only after the server was stopped."""

    def __init__(self, stopped: threading.Event) -> None:
        walk = enumerate(walk_frames())
        self.frames = [Frame(data, at, at / 30) for at, data in walk][SEEN:]
        self.ids = [frame.sequence_id for frame in self.frames]
        self.is_under_way = threading.Event()
        self._stopped = stopped

    def film(self) -> Iterator[Frame]:
        for at, frame in enumerate(self.frames):
            if at == len(self.frames) * 2 // 3:
                self._stopped.wait(CALL_TIMEOUT_S)
            yield frame

    def note(self, answer: StreamAnswer) -> None:
        if answer.sequence_id == self.ids[len(self.ids) // 3]:
            self.is_under_way.set()


def frame_ids(answers: list[StreamAnswer]) -> list[int]:
    return [answer.sequence_id for answer in answers if isinstance(answer, FrameDetection)]


@pytest.mark.parametrize("sign", SIGNALS)
def test_an_interrupted_stream_goes_on(server: RestartableServer, sign: signal.Signals) -> None:
    stopped = threading.Event()

    def follow(shell: ShellFactory, walker: Walker) -> list[StreamAnswer]:
        return shell(server.target).stream(
            walker.film(), "knee_flexion", resume_timeout_s=CALL_TIMEOUT_S, on_answer=walker.note
        )

    walkers = [Walker(stopped) for _ in SHELLS]
    with ThreadPoolExecutor(len(SHELLS)) as pool:
        streams = [pool.submit(follow, *one) for one in zip(SHELLS, walkers, strict=True)]
        for walker in walkers:
            assert walker.is_under_way.wait(CALL_TIMEOUT_S)
        server.stop(sign)
        stopped.set()
        server.start()
        for stream, walker in zip(streams, walkers, strict=True):
            assert_whole(stream.result(RESULT_S), walker, sign)


def assert_whole(answers: list[StreamAnswer], walker: Walker, sign: signal.Signals) -> None:
    assert frame_ids(answers) == walker.ids, "each frame once, in order"
    assert all(answer.detection.people for answer in answers if answer.detection)
    (resumed,) = (answer for answer in answers if isinstance(answer, StreamResumed))
    at = answers.index(resumed)
    assert resumed.sequence_id == answers[at - 1].sequence_id
    assert resumed.error.code == "UNAVAILABLE"
    assert resumed.error.reason == ("SERVER_DRAINING" if sign == signal.SIGTERM else None)
    summary = answers[-1]
    assert isinstance(summary, StreamSummary)
    assert summary.frame_count == len(frame_ids(answers[at:])), "of the frames since then"
    assert summary.person().angle("knee_flexion").left.range_deg


def test_a_caller_can_go_on_where_the_stream_broke_off(server: RestartableServer) -> None:
    stopped = threading.Event()
    walkers = [Walker(stopped) for _ in SHELLS]

    def follow(shell: ShellFactory, walker: Walker) -> list[int]:
        answered: list[int] = []

        def note(answer: StreamAnswer) -> None:
            walker.note(answer)
            answered.extend(frame_ids([answer]))

        client = shell(server.target, timeout_s=CALL_TIMEOUT_S)
        with pytest.raises(UnavailableError) as caught:
            client.stream(walker.film(), on_answer=note)
        last_id = caught.value.last_sequence_id
        assert last_id == answered[-1]
        rest = (frame for frame in walker.frames if (frame.sequence_id or 0) > last_id)
        client.stream(rest, on_answer=note)
        return answered

    with ThreadPoolExecutor(len(SHELLS)) as pool:
        streams = [pool.submit(follow, *one) for one in zip(SHELLS, walkers, strict=True)]
        for walker in walkers:
            assert walker.is_under_way.wait(CALL_TIMEOUT_S)
        server.stop(signal.SIGKILL)
        stopped.set()
        server.start()
        for stream, walker in zip(streams, walkers, strict=True):
            assert stream.result(RESULT_S) == walker.ids


class Callers:
    """Threads that share a blocking client, and tasks that share an asyncio one, all calling
    without a pause until ``over``.
    """

    def __init__(self, target: str) -> None:
        self.over = threading.Event()
        self.angles_deg: dict[str, list[float | None]] = {f"caller {at}": [] for at in range(6)}
        self._target = target
        self._photo = PHOTO.read_bytes()

    def least_answers(self) -> int:
        return min(len(angles) for angles in self.angles_deg.values())

    def run(self) -> None:
        """Raises what a caller's call raises."""
        *blocking, one, two = self.angles_deg.values()
        with (
            JointTrackClient(self._target, timeout_s=CALL_TIMEOUT_S) as client,
            ThreadPoolExecutor(len(self.angles_deg)) as pool,
        ):
            calling = [pool.submit(self._call, client, angles) for angles in blocking]
            calling.append(pool.submit(asyncio.run, self._call_async(one, two)))
            for caller in calling:
                caller.result()

    def _call(self, client: JointTrackClient, angles_deg: list[float | None]) -> None:
        while not self.over.is_set():
            result = client.detect(self._photo, "shoulder_abduction")
            angles_deg.append(result.person.angle("shoulder_abduction").left)

    async def _call_async(self, *callers: list[float | None]) -> None:
        async def call(client: AsyncJointTrackClient, angles_deg: list[float | None]) -> None:
            while not self.over.is_set():
                result = await client.detect(self._photo, "shoulder_abduction")
                angles_deg.append(result.person.angle("shoulder_abduction").left)

        async with AsyncJointTrackClient(self._target, timeout_s=CALL_TIMEOUT_S) as client:
            await asyncio.gather(*(call(client, angles_deg) for angles_deg in callers))


@pytest.mark.parametrize("sign", SIGNALS)
def test_calls_during_a_restart_are_answered(
    server: RestartableServer, sign: signal.Signals
) -> None:
    callers = Callers(server.target)
    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(callers.run)
        try:
            eventually(lambda: callers.least_answers() >= 2 or calling.done())
            server.restart(sign)
            before = callers.least_answers()
            eventually(lambda: callers.least_answers() >= before + 2 or calling.done())
        finally:
            callers.over.set()
        calling.result(RESULT_S)
    angles_deg = {angle for answered in callers.angles_deg.values() for angle in answered}
    (angle_deg,) = angles_deg
    assert angle_deg is not None, "the same before, during and after"
