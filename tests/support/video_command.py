"""`jointtrack video` as a user starts it, and what it wrote."""

import csv
import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from jointtrack.cli.app import app
from tests.support.servers import RunningServer

KNEE = ("-m", "knee_flexion")
Rows = list[dict[str, str]]


def connection(server: RunningServer) -> list[str]:
    return ["--target", server.target, "--api-key", server.api_key]


def video(server: RunningServer, *arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["video", *map(str, arguments), *connection(server)], catch_exceptions=False
    )


def start(*arguments: str | Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "jointtrack", "video", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={name: text for name, text in os.environ.items() if name[:11] != "JOINTTRACK_"},
    )


def table(path: Path) -> Rows:
    """A CSV's rows."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def one_line(result: Result) -> str:
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    return line
