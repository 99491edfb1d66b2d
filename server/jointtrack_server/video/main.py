"""``jointtrack video`` from checked options to an exit code."""

from contextlib import AbstractContextManager

import typer

from jointtrack.cli import output, tables
from jointtrack.cli.connect import ServerOptions
from jointtrack.client import JointTrackClient
from jointtrack.errors import JointTrackError
from jointtrack_server.errors import StartupError
from jointtrack_server.video.job import Job, Outcome
from jointtrack_server.video.local import local_client
from jointtrack_server.video.outputs import OutputError, check_outputs
from jointtrack_server.video.report import summary_table
from jointtrack_server.video.run import INTERRUPTED, progress_bar, run
from jointtrack_server.video.sources import SourceError, open_source

__all__ = ["Job", "report"]

EXIT_INTERRUPTED = 130
"""128 plus SIGINT, as shells have it."""


def report(job: Job, server: ServerOptions | None, *, timeout_s: float, show_progress: bool) -> int:
    """Does the job with ``server``, or with one inside this process; returns the exit code."""
    try:
        check_outputs(job.outputs, job.source)
        source = open_source(job)
        with _client(server, timeout_s) as client, progress_bar(wanted=show_progress) as progress:
            outcome = run(job, source, client, progress)
    except (OutputError, SourceError, StartupError, JointTrackError, OSError) as error:
        output.fail(error)
    _print(job, outcome)
    if outcome.ended_early == INTERRUPTED:
        return EXIT_INTERRUPTED
    return output.EXIT_FAILED if outcome.ended_early else 0


def _client(
    server: ServerOptions | None, timeout_s: float
) -> AbstractContextManager[JointTrackClient]:
    return local_client(timeout_s) if server is None else server.open()


def _print(job: Job, outcome: Outcome) -> None:
    if outcome.ended_early == INTERRUPTED:
        output.print_error(f"interrupted: the outputs hold the first {outcome.frame_count} frames")
    elif outcome.ended_early:
        output.print_error(
            f"{job.source}: reading failed after {outcome.frame_count} frames, which the outputs "
            f"hold: {outcome.ended_early}"
        )
    if not outcome.summary.people:
        output.print_error(f"{job.source}: nobody was found; film a whole person.")
    tables.print_table(summary_table(job, outcome))
    for path in job.outputs.values():
        typer.echo(f"wrote {path}")
