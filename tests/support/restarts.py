"""`jointtrack serve` as a process that is stopped or killed and comes back on the same port."""

import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jointtrack import JointTrackClient
from tests.support.command import COMMAND, ENVIRONMENT
from tests.support.ray_cluster import OF_SERVERS

READY_S = 120.0
STOP_S = 60.0
PORTS = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections, so that nothing takes it meanwhile."""


@dataclass
class RestartableServer:
    """Without keys; ``log`` gets what it prints."""

    folder: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def start(self) -> None:
        """Returns once it takes calls."""
        ports = ("--grpc-port", str(self.port), "--http-port", "0")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [COMMAND, "serve", "--no-auth", "--data-dir", str(self.folder), *ports],
                env=ENVIRONMENT | OF_SERVERS,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with JointTrackClient(self.target) as client:
            client.wait_ready(READY_S)

    def stop(self, sign: signal.Signals) -> None:
        """SIGKILL takes all its processes at once, as a power cut does."""
        if self._process is None:
            return
        if sign == signal.SIGKILL:
            os.killpg(self._process.pid, sign)
        else:
            self._process.send_signal(sign)
        self._process.wait(STOP_S)
        self._process = None

    def restart(self, sign: signal.Signals) -> None:
        self.stop(sign)
        self.start()


@contextmanager
def restartable_server(folder: Path) -> Iterator[RestartableServer]:
    server = RestartableServer(folder, free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop(signal.SIGKILL)


def free_port() -> int:
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")
