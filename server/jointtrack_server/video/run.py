"""The one pass over a video: read, stream, annotate, write."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from jointtrack.client import JointTrackClient
from jointtrack.names import Overflow
from jointtrack.types import (
    FrameDetection,
    FrameError,
    StreamAnswer,
    StreamSummary,
)
from jointtrack_server.video.annotate import AnnotatedVideo
from jointtrack_server.video.frames import AnsweredFrame, FrameWindow
from jointtrack_server.video.job import Job, Outcome
from jointtrack_server.video.opensim import MotAngles, TrcMarkers
from jointtrack_server.video.outputs import replacing
from jointtrack_server.video.pictures import picture_of
from jointtrack_server.video.plot import AnglePlot
from jointtrack_server.video.sink import Sink
from jointtrack_server.video.sources import Source
from jointtrack_server.video.summary import JsonSummary
from jointtrack_server.video.tables import CsvTable

SINKS = {
    "output": AnnotatedVideo,
    "csv": CsvTable,
    "json": JsonSummary,
    "plot": AnglePlot,
    "trc": TrcMarkers,
    "mot": MotAngles,
}
"""By the name of the option that asks for it."""

INTERRUPTED = "interrupted"


@dataclass(slots=True)
class _Tally:
    """What the answers amount to."""

    frames: int = 0
    errors: int = 0
    summary: StreamSummary | None = None


def run(job: Job, source: Source, client: JointTrackClient, progress: Progress) -> Outcome:
    """Reads ``source`` once and writes all outputs; they take their names when all are whole.

    SIGINT and SIGTERM end the reading: what was read is answered and written, and the outcome says
    INTERRUPTED. Raises the client's errors and OSError; then no output is touched.
    """
    server = client.server_info()
    window = FrameWindow(source.frames)
    task = progress.add_task("measuring", total=source.total)
    started_s = time.monotonic()
    with ExitStack() as stack:
        sinks = _open(job, stack)
        stack.callback(window.stop)
        stack.enter_context(_stopped_by_signals(window))
        answers = client.stream(window, job.measurements, overflow=Overflow.BLOCK, **job.stream)
        tally = _write_all(answers, window, sinks, lambda: progress.advance(task))
        assert tally.summary is not None  # measurements were asked for
        outcome = Outcome(
            server,
            tally.summary,
            tally.frames,
            tally.errors + source.broken + window.broken,
            elapsed_s=time.monotonic() - started_s,
            ended_early=_why_early(window),
        )
        for sink in sinks:
            sink.finish(outcome)
    return outcome


def _write_all(
    answers: Iterable[StreamAnswer],
    window: FrameWindow,
    sinks: list[Sink],
    advance: Callable[[], None],
) -> _Tally:
    tally = _Tally()
    for answer in answers:
        if isinstance(answer, StreamSummary):
            tally.summary = answer
            continue
        frame = _answered(answer, window)
        tally.frames += 1
        tally.errors += frame.error is not None
        for sink in sinks:
            sink.write(frame)
        advance()
    return tally


def _why_early(window: FrameWindow) -> str | None:
    if window.error is not None:
        return str(window.error)
    return INTERRUPTED if window.is_cut_short else None


def progress_bar(*, wanted: bool) -> Progress:
    """On stderr, and only on a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _FramesPerSecond(),
        TimeRemainingColumn(),
        console=console,
        disable=not (wanted and console.is_terminal),
    )


class _FramesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f} frames/s")


def _open(job: Job, stack: ExitStack) -> list[Sink]:
    """Every output asked for, under its temporary name."""
    return [
        stack.enter_context(SINKS[name](stack.enter_context(replacing(path)), job))
        for name, path in job.outputs.items()
    ]


def _answered(answer: StreamAnswer, window: FrameWindow) -> AnsweredFrame:
    assert isinstance(answer, FrameDetection | FrameError)  # every frame is answered
    frame = window.take(answer.sequence_id)
    time_s, picture = frame.capture_offset_s or 0.0, picture_of(frame.image)
    if isinstance(answer, FrameError):
        return AnsweredFrame(answer.sequence_id, time_s, picture, error=answer.error)
    detection = answer.detection
    return AnsweredFrame(
        answer.sequence_id,
        time_s,
        picture,
        detection.people,
        image_height_px=detection.image_size.height_px,
    )


@contextmanager
def _stopped_by_signals(window: FrameWindow) -> Iterator[None]:
    """The first signal ends the reading; a second one, the program."""
    before = {sign: signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for sign, handler in before.items():
            signal.signal(sign, handler)

    def stop(_sign: int, _frame: FrameType | None) -> None:
        restore()
        window.stop()

    for sign in before:
        signal.signal(sign, stop)
    try:
        yield
    finally:
        restore()
