"""``jointtrack video``: its options. What does the work is loaded only when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from jointtrack.cli import connect, options, output
from jointtrack.names import Side
from jointtrack_server.cli.smoothing import SmoothingText, smoothing_from

OUTPUTS = "Outputs"
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
    side: Annotated[Side, typer.Option(help="The subject's own side.")] = Side.BOTH,
    model: options.Model = None,
    search: options.Search = None,
    max_people: Annotated[
        int | None, typer.Option(min=1, max=6, help="Most people to follow. [default: 1]")
    ] = None,
    smoothing: SmoothingText = "default",
    facing: options.FacingEdge = None,
    mirrored: options.Mirrored = False,
    strict: options.Strict = False,
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="Frames a second of a source without times: a folder needs it.",
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
    cert_file: connect.CertFile = None,
    key_file: connect.KeyFile = None,
    allow_cleartext_key: connect.AllowCleartextKey = False,
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
        "smoothing": smoothing_from(smoothing),
        "facing": facing,
        "mirrored": mirrored,
        "strict": strict,
    }
    named = {"output": out, "csv": csv, "json": json, "plot": plot, "trc": trc, "mot": mot}
    outputs = {name: path for name, path in named.items() if path is not None}
    names = options.measurement_names(measure)
    connection = connect.ServerOptions(
        target, api_key, tls, ca_file, cert_file, key_file, allow_cleartext_key, timeout
    )
    server = None if local else connection
    try:
        from jointtrack_server.video.main import Job, report  # noqa: PLC0415 - needs the extra
    except ImportError as error:
        output.fail(f"jointtrack video needs its extra ({error}): pip install 'jointtrack[report]'")
    job = Job(source, names, stream, outputs, fps, send_jpegs=jpeg)
    raise typer.Exit(report(job, server, timeout_s=timeout, show_progress=not no_progress))
