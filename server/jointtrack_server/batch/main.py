"""``jointtrack batch`` from checked options to an exit code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from jointtrack.cli import output
from jointtrack.cli.tables import print_table
from jointtrack_server.batch.errors import BatchError
from jointtrack_server.batch.outcome import Outcome
from jointtrack_server.batch.plan import make_plan
from jointtrack_server.batch.run import Job, run
from jointtrack_server.errors import StartupError
from jointtrack_server.settings import Settings

EXIT_SOME_FAILED = 3
EXIT_INTERRUPTED = 130
"""128 plus SIGINT, as shells have it."""


def measure_archive(
    source: str,
    out: Path,
    measurements: tuple[str, ...],
    asked: Mapping[str, Any],
    settings: Settings,
    *,
    workers: int | None,
    recursive: bool,
    save_every_s: float,
    show_progress: bool,
) -> int:
    """Runs, prints the summary, and returns the exit code."""
    try:
        job = Job(
            source,
            out,
            make_plan(measurements, asked, settings),
            settings.backend,
            settings.ray_address,
            workers,
            recursive,
            save_every_s,
        )
        outcome = run(job, show_progress=show_progress)
    except (BatchError, StartupError, OSError) as error:
        output.fail(error)
    print_table(_summary(outcome))
    if outcome.failed:
        output.print_error(f"failed: {_counted(outcome.reasons)}; see {outcome.failures}.")
    if outcome.interrupted:
        output.print_error("interrupted: run the same command to go on.")
        return EXIT_INTERRUPTED
    return EXIT_SOME_FAILED if outcome.failed else 0


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))


def _summary(outcome: Outcome) -> Table:
    table = Table(show_header=False)
    rows = {
        "measured": outcome.measured,
        "done before": outcome.done_before,
        "changed since": outcome.changed,
        "people": outcome.people,
        "frames": outcome.frames,
        "broken frames": outcome.broken_frames,
        "failed": outcome.failed,
    }
    always = ("measured", "people", "failed")
    for name, count in rows.items():
        if count or name in always:
            table.add_row(name, f"{count:,}")
    table.add_row("seconds", f"{outcome.elapsed_s:,.1f}")
    table.add_row("files a second", f"{outcome.ended / outcome.elapsed_s:,.1f}")
    table.add_row("table", str(outcome.table))
    return table
