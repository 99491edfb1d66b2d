"""The options of every command that measures pictures."""

import math
from pathlib import Path
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

import typer

from jointtrack._enums import MEASUREMENTS
from jointtrack.errors import InvalidRequestError
from jointtrack.images import is_url
from jointtrack.names import Facing, SearchMode

Measure: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("-m", "--measure", help="Names from 'jointtrack info', comma-separated."),
]
Model: TypeAlias = Annotated[str | None, typer.Option(help="A name from 'jointtrack info'.")]
Search: TypeAlias = Annotated[
    SearchMode | None, typer.Option(help="How people are found.", show_default=False)
]
FacingEdge: TypeAlias = Annotated[
    Facing | None, typer.Option(help="Where the subject looks in a side view.")
]
Mirrored: TypeAlias = Annotated[
    bool, typer.Option("--mirrored", help="Left and right exchanged, as in a selfie.")
]
Strict: TypeAlias = Annotated[
    bool, typer.Option("--strict", help="No value from an unsuitable view.")
]


def finite(value: float) -> float:
    """For an option that is a number: BadParameter for nan and inf, which bounds let through."""
    if not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


def measurement_names(values: list[str]) -> tuple[str, ...]:
    """The names in comma-separated lists, each once; BadParameter for one that does not exist."""
    names = [name.strip() for value in values for name in value.split(",")]
    for name in names:
        try:
            MEASUREMENTS.number(name)
        except InvalidRequestError as error:
            raise typer.BadParameter(error.message, param_hint="'-m'") from None
    return tuple(dict.fromkeys(names))


def stem_of(photo: str) -> str:
    """The name without folder and ending, of a path or URL."""
    return Path(name_of(photo)).stem or "photo"


def name_of(photo: str) -> str:
    """The file's name, of a path or URL."""
    return Path(urlsplit(photo).path if is_url(photo) else photo).name
