"""Numbers that every part of the server can hold: gRPC has 32 bits for milliseconds and bytes."""

from typing import Annotated

from pydantic import Field

Seconds = Annotated[float, Field(le=2_000_000)]
"""23 days at the most."""

Count = Annotated[int, Field(le=2_000_000_000)]
"""Of anything, bytes included."""
