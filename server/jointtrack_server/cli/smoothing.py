"""The option of every command that follows people through videos."""

import math
from typing import Annotated, TypeAlias

import typer

from jointtrack.names import Smoothing

SmoothingText: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="off|default|0..1",
        help="Of videos: 0 follows every movement, 1 is the steadiest.",
    ),
]


def smoothing_from(text: str) -> Smoothing | float:
    """What --smoothing names. Raises BadParameter."""
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
