"""What `jointtrack serve` does not wait for: names, which a busy machine does not change."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

LATER = (
    "tensorflow",
    "keras",
    "matplotlib",
    "opentelemetry",
    "sqlalchemy",
    "cryptography",
    "httpcore",
    "fastapi",
    "rich",
    "jinja2",
    "openvino.tools.ovc",
    "numpy.ma",
    "jointtrack._public",
    "jointtrack.types",
)
"""Imported where they are used: each takes 10 ms to seconds and up to hundreds of megabytes."""

START = """
import gc, json, os, signal, sys, threading, time
from pathlib import Path
from jointtrack.__main__ import main

def report():
    while not (gc.get_freeze_count() and gc.isenabled()):
        time.sleep(0.01)
    Path('modules.json').write_text(json.dumps([name for name in sys.modules if sys.modules[name]]))
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=report, daemon=True).start()
sys.argv[1:] = ["serve", "--no-auth", "--grpc-port", "0", "--http-port", "0", "--data-dir", "."]
main()
"""
"""The command itself; writes what it has imported once it serves and collects garbage again."""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("start")
    variables = {k: v for k, v in os.environ.items() if not k.startswith("JOINTTRACK_")}
    done = subprocess.run(
        [sys.executable, "-c", START],
        env={**variables, "JOINTTRACK_PRELOAD": "none"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "modules.json").read_text())


def test_the_start_imports_nothing_that_it_does_not_need(imported: Any) -> None:
    assert "jointtrack_server.grpc_api.server" in imported
    assert [name for name in LATER if name in imported] == []
