"""The ``jointtrack`` command: its own verbs, and those that the server extra adds."""

from typing import Annotated

import typer

from jointtrack import __version__
from jointtrack.cli.plugins import PluginGroup

app: typer.Typer = typer.Typer(
    cls=PluginGroup,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"jointtrack {__version__}")
        raise typer.Exit


@app.callback()
def _jointtrack(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Joint angles from pictures: a client and a server."""
