"""``jointtrack batch``: its options. What does the work is loaded only when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from jointtrack.cli import options, output
from jointtrack.names import Side
from jointtrack_server.cli.shared import settings_from
from jointtrack_server.cli.smoothing import SmoothingText, smoothing_from

RUNNING = "Running"


def batch(
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|URI",
            help="A folder of pictures and videos, a pattern such as 'scans/**/*.jpg', a .txt "
            "with a name a line, or a file; or a URI of one, such as s3://bucket/folder.",
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The table: a folder of Parquet files.")],
    measure: options.Measure = None,
    side: Annotated[Side, typer.Option(help="The subject's own side.")] = Side.BOTH,
    model: options.Model = None,
    search: options.Search = None,
    max_people: Annotated[
        int | None, typer.Option(min=1, max=6, help="Most people of a picture. [default: 1]")
    ] = None,
    smoothing: SmoothingText = "default",
    facing: options.FacingEdge = None,
    mirrored: options.Mirrored = False,
    strict: options.Strict = False,
    recursive: Annotated[
        bool, typer.Option("--recursive/--no-recursive", help="Enter folders of a folder.")
    ] = True,
    backend: Annotated[
        str | None,
        typer.Option(help="local, or ray for Ray Data. [default: local]", rich_help_panel=RUNNING),
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster to join, host:port or auto; default: one of its own.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=4096,
            help="Threads, or on Ray actors of one CPU. [default: what the machines have]",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    save_every: Annotated[
        float,
        typer.Option(
            min=0.0,
            callback=options.finite,
            help="Seconds of work that a crash may cost, a long video apart.",
            rich_help_panel=RUNNING,
        ),
    ] = 30.0,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="Show no progress.")] = False,
) -> None:
    """Measure an archive of pictures and videos into one Parquet table.

    Run it again to go on: what is done is not done again. Exit code 1 if the run failed, 3 if it
    went through and some files failed, 130 after Ctrl-C.
    """
    names = options.measurement_names(measure or [])
    asked = {
        "side": side,
        "model": model,
        "search": search,
        "max_people": max_people,
        "smoothing": smoothing_from(smoothing),
        "facing": facing,
        "mirrored": mirrored,
        "strict": strict,
    }
    settings = settings_from({"backend": backend, "ray_address": ray_address})
    try:
        from jointtrack_server.batch.main import measure_archive  # noqa: PLC0415 - needs the extra
    except ImportError as error:
        output.fail(f"jointtrack batch needs its extra ({error}): pip install 'jointtrack[batch]'")
    raise typer.Exit(
        measure_archive(
            source,
            out,
            names,
            asked,
            settings,
            workers=workers,
            recursive=recursive,
            save_every_s=save_every,
            show_progress=not no_progress,
        )
    )
