"""What the commands print: one line for an error, small tables, JSON."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from jointtrack.types import Keypoint, Measurement, NormalRange, ServerInfo, SideValue

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


def print_table(table: Table) -> None:
    """On stdout, in colour only on a terminal."""
    Console(soft_wrap=True).print(table)


def measurements_table(
    title: str, measurements: Iterable[Measurement], normals: Mapping[str, NormalRange | None]
) -> Table:
    """One row a measurement: whole degrees, the normal range, and what to bear in mind."""
    table = Table(
        "measurement", "left", "right", "normal", "notes", title=title, title_justify="left"
    )
    for item in measurements:
        normal = normals.get(item.name)
        table.add_row(
            item.title,
            _angle(item.sides["left"], normal),
            _angle(item.sides["right"], normal),
            f"{normal.min_deg:.0f} to {normal.max_deg:.0f}" if normal else "",
            "; ".join(_notes(item)),
        )
    return table


def keypoints_table(title: str, keypoints: Iterable[Keypoint]) -> Table:
    """One row a keypoint, in pixels."""
    table = Table("keypoint", "x px", "y px", "score", title=title, title_justify="left")
    for item in keypoints:
        table.add_row(item.joint, f"{item.x_px:.0f}", f"{item.y_px:.0f}", f"{item.score:.2f}")
    return table


def info_tables(info: ServerInfo) -> list[Table]:
    """The server, its models and its measurements."""
    server = Table("server", "", show_header=False)
    server.add_row("server", info.server_version)
    server.add_row("engine", f"{info.engine} on {info.device}, {info.precision}")
    server.add_row("because", info.engine_reason)
    for name, value in info.limits.to_dict().items():
        server.add_row(name, f"{value:,}")
    models = Table("model", "version", "input", "people", "weights from")
    for model in info.models:
        name = f"{model.name} (default)" if model.is_default else model.name
        models.add_row(
            name, model.version, f"{model.input_size_px} px", str(model.max_people), model.origin
        )
    measurements = Table("measurement", "view", "0 is", "positive is", "normal")
    for item in info.measurements:
        normal = item.normal
        measurements.add_row(
            item.name,
            " or ".join(item.views) or "any",
            item.zero,
            item.positive,
            f"{normal.min_deg:.0f} to {normal.max_deg:.0f}" if normal else "",
        )
    return [server, models, measurements]


def _angle(side: SideValue, normal: NormalRange | None) -> str:
    if side.value_deg is None:
        return "-"
    degrees = math.floor(side.value_deg + 0.5)
    if normal and degrees < normal.min_deg:
        return f"{degrees}° (below)"
    if normal and degrees > normal.max_deg:
        return f"{degrees}° (above)"
    return f"{degrees}°"


def _notes(item: Measurement) -> Iterable[str]:
    for name, side in item.sides.items():
        if side.missing_reason:
            joints = f" ({', '.join(side.missing_joints)})" if side.missing_joints else ""
            yield f"no {name}: {side.missing_reason}{joints}"
    yield from item.warnings
