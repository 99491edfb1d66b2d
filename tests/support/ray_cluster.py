"""A Ray cluster of the tests' own, which the servers under test join."""

import logging
import os
import secrets
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jointtrack_server.pipeline.models import load_models
from jointtrack_server.settings import Settings

START_S = 120.0
STOP_S = 60.0
CPUS = 4
"""That replicas may ask for, whatever the machine has: one for each model and one to spare."""

NODE = {
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    # The replicas' turn comes beside other tests, too.
    "RAY_worker_niceness": "0",
}

OF_SERVERS: dict[str, str] = {}
"""Variables of every server that a test starts: none where servers run the models themselves."""


@contextmanager
def servers_on_ray() -> Iterator[None]:
    """Servers that tests start meanwhile, in this process or as their own, join a new cluster."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with running_cluster(token) as address:
        OF_SERVERS.update(token, JOINTTRACK_BACKEND="ray", JOINTTRACK_RAY_ADDRESS=address)
        os.environ.update(OF_SERVERS)
        # The first that comes deploys the models: all of them, whatever a test's server wants.
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # Ray's own
            models = load_models(Settings(preload="all"))
        yield
        logging.disable()  # Ray's threads miss it until the process ends
        models.close()


@contextmanager
def running_cluster(token: dict[str, str]) -> Iterator[str]:
    """The address of one node that ends with the block, and with it all that runs there."""
    # Its sockets' paths must be short: no folder of pytest's.
    with tempfile.TemporaryDirectory(prefix="jt-ray-", ignore_cleanup_errors=True) as folder:
        output = Path(folder) / "output"
        variables = {**os.environ, **token, **NODE}
        with output.open("w") as file:
            node = subprocess.Popen(  # Ctrl-C is for us alone
                _command(folder), env=variables, stdout=file, stderr=file, start_new_session=True
            )
        try:
            yield _address(node, Path(folder), output)
        finally:
            node.terminate()
            node.wait(STOP_S)


def _command(folder: str) -> list[str]:
    ray = str(Path(sys.executable).parent / "ray")
    options = ["--node-ip-address=127.0.0.1", "--port=0", f"--temp-dir={folder}"]
    size = [f"--num-cpus={CPUS}", "--num-gpus=0", "--object-store-memory=200000000"]
    without = ["--include-dashboard=false", "--disable-usage-stats"]
    return [ray, "start", "--head", "--block", *options, *size, *without]


def _address(node: "subprocess.Popen[bytes]", folder: Path, output: Path) -> str:
    """What Ray writes once the node is up."""
    file, deadline_s = folder / "ray_current_cluster", time.monotonic() + START_S
    while not file.exists():
        assert node.poll() is None, output.read_text()
        assert time.monotonic() < deadline_s, output.read_text()
        time.sleep(0.05)
    return file.read_text().strip()
