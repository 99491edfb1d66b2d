"""Arguments that cannot be meant, refused before anything is sent. Pure."""

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any


def above_zero(name: str, value: float) -> float:
    """TypeError for what is no number, ValueError for one that is not above 0 and finite."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _wrong_type(name, "a number", value)
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be above 0 and finite, not {value}.")
    return float(value)


def optional_above_zero(name: str, value: float | None) -> float | None:
    """As ``above_zero``; None stays None."""
    return None if value is None else above_zero(name, value)


def whole(name: str, value: int, least: int, most: int | None = None) -> int:
    """TypeError for what is no whole number, ValueError for one out of range."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise _wrong_type(name, "a whole number", value)
    if value < least or (most is not None and value > most):
        limits = f"{least} or more" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} must be {limits}, not {value}.")
    return int(value)


def optional_whole(name: str, value: int | None, least: int) -> int:
    """As ``whole``; None is 0, which leaves the choice to the server."""
    return 0 if value is None else whole(name, value, least)


def flag(name: str, value: bool) -> bool:
    """TypeError for what is neither True nor False; numpy's are taken."""
    if isinstance(value, bool):
        return value
    if type(value).__module__ == "numpy" and type(value).__name__.startswith("bool"):
        return bool(value)
    raise _wrong_type(name, "True or False", value)


def text(name: str, value: str) -> str:
    """TypeError for what is no string."""
    if not isinstance(value, str):
        raise _wrong_type(name, "a string", value)
    return value


def optional_text(name: str, value: str | None) -> str:
    """As ``text``; None is "", which leaves the choice to the server."""
    return "" if value is None else text(name, value)


def names(name: str, value: str | Iterable[str]) -> list[str]:
    """One string, comma-separated, or several. TypeError for anything else."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")]
    if isinstance(value, (bytes, Mapping)) or not isinstance(value, Iterable):
        raise _wrong_type(name, "a name or several", value)
    return [text(f"each of {name}", item).strip() for item in value]


def numbers(name: str, value: Any, count: int, meaning: str) -> list[float]:  # noqa: ANN401
    """TypeError for what is no row of numbers, ValueError for another count or not finite ones."""
    try:
        row = [float(item) for item in _items(value)]
    except (TypeError, ValueError):
        raise _wrong_type(name, f"{count} numbers ({meaning})", value) from None
    if len(row) != count or not all(math.isfinite(item) for item in row):
        raise ValueError(f"{name} must be {count} finite numbers ({meaning}), not {value!r}.")
    return row


def _items(value: Any) -> Iterable[Any]:  # noqa: ANN401
    if isinstance(value, (str, bytes)):
        raise TypeError
    items: Iterable[Any] = value
    return items


def _wrong_type(name: str, wanted: str, value: object) -> TypeError:
    return TypeError(f"{name} must be {wanted}, not {_shown(value)}.")


def _shown(value: object) -> str:
    kind = type(value).__name__
    shown = repr(value) if isinstance(value, (str, int, float)) else ""
    return f"{kind} {shown}" if 0 < len(shown) <= 60 else kind
