"""Prometheus itself, and its promtool."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.waiting import eventually

RATE_INTERVAL = "10s"
"""Stands for Grafana's $__rate_interval; four scrapes at least."""


def program(name: str) -> str:
    """Where it is. Skips the test where it is not installed, but not in CI."""
    found = shutil.which(name)
    if found is None:
        message = f"{name} was not found: apt-get install prometheus"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def promtool(*arguments: str, given: str = "") -> str:
    """What it says of files or of ``given``; it must find nothing wrong."""
    done = subprocess.run(
        [program("promtool"), *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    url: str

    def api(self, path: str, **parameters: str) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=30)
        document = answer.json()
        assert document["status"] == "success", document
        return document["data"]

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        found: list[dict[str, Any]] = self.api("query", query=promql)["result"]
        return found

    @property
    def samples(self) -> float:
        """How often it has scraped with success."""
        found = self.query('sum(count_over_time(up{job="jointtrack"}[1h]) * up{job="jointtrack"})')
        return float(found[0]["value"][1]) if found else 0.0


@contextmanager
def running_prometheus(folder: Path, config: str) -> Iterator[Prometheus]:
    """On loopback; ``config`` is its configuration, ``folder`` its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    file = folder / "prometheus.yaml"
    file.write_text(config)
    options = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [program("prometheus"), *options, f"--web.listen-address={address}"],
            stdout=log,
            stderr=log,
        )
    try:
        one = Prometheus(f"http://{address}")
        eventually(lambda: is_ready(one))
        yield one
    finally:
        process.terminate()
        process.wait(30)


def is_ready(prometheus: Prometheus) -> bool:
    try:
        return requests.get(f"{prometheus.url}/-/ready", timeout=5).ok
    except requests.ConnectionError:
        return False
