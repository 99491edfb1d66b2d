"""What the commands share: the folder option, settings, plain columns."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from jointtrack.cli.output import fail
from jointtrack_server.settings import VARIABLE_PREFIX, Settings

DataDir = Annotated[
    Path | None,
    typer.Option(envvar=f"{VARIABLE_PREFIX}DATA_DIR", help="Folder of the key store."),
]


def settings_from(options: dict[str, object]) -> Settings:
    """The options given, then the environment, then the defaults."""
    try:
        return Settings(**{key: value for key, value in options.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        fail("; ".join(_problem(one) for one in error.errors()))
    except SettingsError as error:
        fail(f"A {VARIABLE_PREFIX} variable does not hold JSON: {error}: {error.__cause__}")


def _problem(error: ErrorDetails) -> str:
    """One setting's fault, by the name of its variable; or what is wrong with them together."""
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = ".".join(map(str, error["loc"])).upper()
    return f"{VARIABLE_PREFIX}{name} (or its option) is {error['input']!r}: {message}"


def print_columns(*rows: tuple[str, ...]) -> None:
    """Plain text, never cut or folded, so that it can be searched and copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
