"""The `jointtrack` command as a user starts it."""

import os
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from jointtrack.cli.app import app

COMMAND = str(Path(sys.executable).parent / "jointtrack")
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith("JOINTTRACK_")
}
LIMIT_S = 180.0

Done = subprocess.CompletedProcess[str]


def run(*arguments: str, **variables: str) -> Done:
    return subprocess.run(
        [COMMAND, *arguments],
        env={**ENVIRONMENT, **variables},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def run_here(*arguments: str) -> Done:
    """As ``run``, in this process: that takes milliseconds, not a second."""
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    return Done(arguments, result.exit_code, result.stdout, result.stderr)


def assert_refused(done: Done, *parts: str) -> None:
    """One line on stderr that holds the parts, nothing on stdout, exit code 1."""
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("jointtrack: ")
    for part in parts:
        assert part in line
