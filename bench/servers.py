"""Starts servers in processes of their own, and reads what they use."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_COMMAND = str(Path(sys.executable).parent / "jointtrack")
_PORTS = ["--grpc-port", "0", "--http-port", "0"]
START_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs; ``grpc`` and ``http`` are its addresses, "" where it has none.

    ``key`` is its first API key, "" if it asks for none.
    """

    process: psutil.Process
    grpc: str
    http: str
    key: str = ""

    def cpu_s(self) -> float:
        """CPU time used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def peak_mb(self) -> float:
        """The most memory that was resident at once, where Linux tells it, else what is now."""
        status = Path(f"/proc/{self.process.pid}/status")
        found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.is_file() else None
        resident = int(found[1]) * 1024 if found else self.process.memory_info().rss
        return float(resident) / 1e6

    def resident_mb(self) -> float:
        """Memory resident now."""
        return float(self.process.memory_info().rss) / 1e6


@contextmanager
def jointtrack(**settings: object) -> Iterator[Server]:
    """Ours, on free ports; ``settings`` as in docs/settings.md, without keys unless ``auth``."""
    settings = {"auth": False, **settings}
    env = {f"JOINTTRACK_{name.upper()}": str(value) for name, value in settings.items()}
    with tempfile.TemporaryDirectory() as data_dir:
        command = [_COMMAND, "serve", *_PORTS, "--data-dir", data_dir]
        with _started(command, env, with_key=settings["auth"] is True) as server:
            yield server


@contextmanager
def module(name: str, *arguments: str) -> Iterator[Server]:
    """A module of this package that prints where it listens."""
    with _started([sys.executable, "-m", name, *arguments], {}) as server:
        yield server


@contextmanager
def _started(
    command: list[str], env: dict[str, str], *, with_key: bool = False
) -> Iterator[Server]:
    process = psutil.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**psutil.Process().environ(), **env},
    )
    try:
        yield _listening(process, with_key)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def _listening(process: psutil.Popen, with_key: bool) -> Server:
    """Reads the addresses from what the server prints first."""
    addresses = {"gRPC": "", "HTTP": ""}
    key = ""
    assert process.stdout is not None
    deadline = time.monotonic() + START_TIMEOUT_S
    while not any(addresses.values()) or (with_key and not key):
        line = process.stdout.readline()
        if not line or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start: {process.args}")
        for kind, address in re.findall(r"(gRPC|HTTP) on (?:http://)?([\d.]+:\d+)", line):
            addresses[kind] = address
        key = next(iter(re.findall(r"^API key.*: (\S+)$", line)), key)
    return Server(psutil.Process(process.pid), addresses["gRPC"], addresses["HTTP"], key)
