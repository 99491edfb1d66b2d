"""``jointtrack video``: its options. What does the work is loaded only when it runs."""

import math
from pathlib import Path
from typing import Annotated

import typer

from jointtrack.cli import connect, output
from jointtrack.cli.detect import measurement_names
from jointtrack.names import Facing, SearchMode, Side, Smoothing

OUTPUTS = "Outputs"
MEASURING = "Measuring"
SERVER = "Server"


def video(
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A video file, a folder of frames, a webcam's index, or - for MJPEG on stdin.",
        ),
    ],
    measure: Annotated[
        list[str],
        typer.Option(
            "-m",
            "--measure",
            help="Names from 'jointtrack info', comma-separated.",
            rich_help_panel=MEASURING,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Write the annotated video, .mp4.", rich_help_panel=OUTPUTS
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write every angle.", rich_help_panel=OUTPUTS)
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", help="Write the range of motion.", rich_help_panel=OUTPUTS),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Write angles over time, .png.", rich_help_panel=OUTPUTS),
    ] = None,
    trc: Annotated[
        Path | None,
        typer.Option("--trc", help="Write keypoints for OpenSim, px.", rich_help_panel=OUTPUTS),
    ] = None,
    mot: Annotated[
        Path | None,
        typer.Option("--mot", help="Write angles for OpenSim.", rich_help_panel=OUTPUTS),
    ] = None,
    side: Annotated[
        Side, typer.Option(help="The subject's own side.", rich_help_panel=MEASURING)
    ] = Side.BOTH,
    model: Annotated[
        str | None,
        typer.Option(help="A name from 'jointtrack info'.", rich_help_panel=MEASURING),
    ] = None,
    search: Annotated[
        SearchMode | None,
        typer.Option(help="How people are found.", show_default=False, rich_help_panel=MEASURING),
    ] = None,
    max_people: Annotated[
        int | None,
        typer.Option(
            min=1, max=6, help="Most people to follow. [default: 1]", rich_help_panel=MEASURING
        ),
    ] = None,
    smoothing: Annotated[
        str,
        typer.Option(
            metavar="off|default|0..1",
            help="0 follows every movement, 1 is the steadiest.",
            rich_help_panel=MEASURING,
        ),
    ] = "default",
    facing: Annotated[
        Facing | None,
        typer.Option(help="Where the subject looks in a side view.", rich_help_panel=MEASURING),
    ] = None,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="A mirrored video.", rich_help_panel=MEASURING)
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="No value from an unsuitable view.", rich_help_panel=MEASURING
        ),
    ] = False,
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="Frames a second of a source without times: a folder needs it.",
            rich_help_panel=MEASURING,
        ),
    ] = None,
    local: Annotated[
        bool,
        typer.Option("--local", help="Needs no server: runs one inside.", rich_help_panel=SERVER),
    ] = False,
    jpeg: Annotated[
        bool,
        typer.Option("--jpeg", help="Send JPEGs: for slow networks.", rich_help_panel=SERVER),
    ] = False,
    target: connect.Target = connect.DEFAULT_TARGET,
    api_key: connect.ApiKey = None,
    tls: connect.Tls = None,
    ca_file: connect.CaFile = None,
    timeout: connect.Timeout = connect.DEFAULT_TIMEOUT_S,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="Show no progress bar.")
    ] = False,
) -> None:
    """Follow people through a video and write a report: annotated video, angles, plot, summary.

    Ctrl-C ends the reading; what was read is written whole. Exit code 1 if the source or the server
    failed, 130 after Ctrl-C.
    """
    stream = {
        "side": side,
        "model": model,
        "search": search,
        "max_people": max_people,
        "smoothing": _smoothing(smoothing),
        "facing": facing,
        "mirrored": mirrored,
        "strict": strict,
    }
    named = {"output": out, "csv": csv, "json": json, "plot": plot, "trc": trc, "mot": mot}
    outputs = {name: path for name, path in named.items() if path is not None}
    names = measurement_names(measure)
    server = None if local else connect.ServerOptions(target, api_key, tls, ca_file, timeout)
    try:
        from jointtrack_server.video.main import Job, report  # noqa: PLC0415 - needs the extra
    except ImportError as error:
        output.fail(f"jointtrack video needs its extra ({error}): pip install 'jointtrack[report]'")
    job = Job(source, names, stream, outputs, fps, send_jpegs=jpeg)
    raise typer.Exit(report(job, server, timeout_s=timeout, show_progress=not no_progress))


def _smoothing(text: str) -> Smoothing | float:
    if text in tuple(Smoothing):
        return Smoothing(text)
    try:
        strength = float(text)
    except ValueError:
        strength = math.nan
    if not 0.0 <= strength <= 1.0:
        raise typer.BadParameter(
            f"{text!r} is not off, default or a number from 0 to 1.", param_hint="'--smoothing'"
        )
    return strength
