"""`jointtrack batch` as a user starts it, and the table that it wrote."""

import csv
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from jointtrack.types.tables import COLUMNS
from tests.support import command
from tests.support.servers import DATA

PICTURES = ("arms_out_front.jpg", "two_people.jpg", "walk_side.jpg")
FAST = ("--model", "movenet-lightning", "--search", "whole_picture")
"""Where the numbers do not matter."""

Rows = list[dict[str, Any]]


def batch(source: object, out: Path, *options: str) -> command.Done:
    """In this process, on this machine."""
    return command.run_here("batch", *_arguments(source, out, options))


def start(source: object, out: Path, *options: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [command.COMMAND, "batch", *_arguments(source, out, options)],
        env={**command.ENVIRONMENT, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _arguments(source: object, out: Path, options: Iterable[str]) -> list[str]:
    where = () if "--backend" in options else ("--backend", "local")
    return [str(source), "--out", str(out), *where, *options]


def copies(folder: Path, count: int, sample: str = "walk_side.jpg") -> list[str]:
    """So many of one sample, and their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{index:03d}{Path(sample).suffix}" for index in range(count)]
    for name in names:
        shutil.copy(DATA / sample, folder / name)
    return names


def rows(out: Path) -> Rows:
    """In an order that does not depend on who was quicker."""
    found: Rows = pq.read_table(out).to_pylist()
    return sorted(found, key=lambda row: (row["path"], row["sequence_id"] or 0, row["person"] or 0))


def paths(out: Path) -> list[str]:
    """Of all rows."""
    return sorted(pq.read_table(out, columns=["path"]).column("path").to_pylist())


def flat(table: Rows, of: str, *keys: str) -> Rows:
    """Rows of angles or keypoints, as the client's ``to_rows`` has them."""
    flattened = []
    for row in table:
        person = {name: row[name] for name in (*keys, "person", "track_id")}
        blank = dict.fromkeys(COLUMNS[of])
        absent = {**blank, "missing_reason": row["missing_reason"]}
        flattened += [{**blank, **person, **one} for one in row[of] or [absent]]
    return flattened


def failures(out: Path) -> dict[str, str]:
    """Reasons by path."""
    with out.with_name(f"{out.stem}.failures.csv").open(newline="") as file:
        return {row["path"]: row["reason"] for row in csv.DictReader(file) if row["message"]}


def parts(out: Path) -> dict[str, int]:
    """The parts and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
