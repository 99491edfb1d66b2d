"""How far the run is: a bar on a terminal, a line every now and then elsewhere; on stderr."""

import time
from types import TracebackType
from typing import Protocol, Self

import typer
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

from jointtrack_server.batch.outcome import Outcome

LINE_EVERY_S = 10.0
SPEED_OVER_S = 60.0


class Shown(Protocol):
    """Entered when the number of files is known, told of every change."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def update(self, outcome: Outcome) -> None: ...


def progress(total: int, *, wanted: bool) -> Shown:
    console = Console(stderr=True)
    if not wanted:
        return _Nothing()
    return _Bar(total, console) if console.is_terminal else _Lines(total)


class _Nothing:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, outcome: Outcome) -> None:
        pass


class _Bar(_Nothing):
    def __init__(self, total: int, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _FilesPerSecond(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[more]}"),
            console=console,
            speed_estimate_period=SPEED_OVER_S,
        )
        self._task = self._progress.add_task("measuring", total=total, more="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, outcome: Outcome) -> None:
        self._progress.update(self._task, completed=outcome.ended, more=_more(outcome))


class _FilesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f} files/s")


class _Lines(_Nothing):
    """For logs."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began_s = self._last_s = time.monotonic()

    def update(self, outcome: Outcome) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s < LINE_EVERY_S and outcome.ended < self._total:
            return
        self._last_s = now_s
        per_s = outcome.ended / max(now_s - self._began_s, 1e-9)
        left = f", {_spoken((self._total - outcome.ended) / per_s)} left" if per_s else ""
        more = _more(outcome)
        typer.echo(
            f"{outcome.ended} of {self._total} files, {per_s:.1f} files/s{left}"
            f"{', ' if more else ''}{more}",
            err=True,
        )


def _more(outcome: Outcome) -> str:
    frames = [f"{outcome.frames} frames"] if outcome.frames else []
    failed = [f"{outcome.failed} failed"] if outcome.failed else []
    return ", ".join(frames + failed)


def _spoken(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
