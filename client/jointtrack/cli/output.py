"""What the commands print: one line for an error, JSON."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import typer

EXIT_FAILED = 1


def print_error(message: object) -> None:
    """One line on stderr."""
    line = " ".join(str(message).split())
    typer.echo(f"jointtrack: {line}", err=True)


def fail(message: object) -> NoReturn:
    """One line on stderr, and exit code 1."""
    print_error(message)
    raise typer.Exit(EXIT_FAILED)


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))
