"""Several server processes on one port: one that dies is replaced, the others serve on."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from jointtrack import AuthenticationError, DetectResult, JointTrackClient, UnavailableError
from tests.support.servers import DATA

COMMAND = str(Path(sys.executable).parent / "jointtrack")
PHOTO = (DATA / "arms_out_front.jpg").read_bytes()
TIMEOUT_S = 60.0


def quick_detect(client: JointTrackClient) -> DetectResult:
    """With one model alone, which each process loads for itself."""
    return client.detect(PHOTO, model="movenet-lightning", search="whole_picture")


@dataclass(frozen=True)
class Supervised:
    """A supervisor and what its first process printed."""

    process: psutil.Popen
    target: str
    key: str
    log: Path
    data_dir: Path

    @property
    def servers(self) -> dict[int, psutil.Process]:
        """The server processes by number; the resource tracker of multiprocessing is none."""
        found = {}
        for child in self.process.children():
            with suppress(psutil.NoSuchProcess):  # it has just ended
                if "spawn_main" in " ".join(child.cmdline()) and "resource" not in child.name():
                    found[child.pid] = child
        return found

    def until(self, servers: int, *, without: set[int] = frozenset()) -> set[int]:  # type: ignore[assignment]
        end_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end_s:
            pids = set(self.servers)
            if len(pids) == servers and not pids & without:
                return pids
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def detect(self) -> int:
        """The people found, over a connection of its own."""
        options = {"grpc.use_local_subchannel_pool": 1}
        with JointTrackClient(
            self.target, api_key=self.key, timeout_s=TIMEOUT_S, channel_options=options
        ) as client:
            return len(quick_detect(client).people)


@contextmanager
def supervised(folder: Path, *options: str, processes: int = 2) -> Iterator[Supervised]:
    log = folder / "log"
    command = [COMMAND, "serve", f"--processes={processes}", "--grpc-port=0", "--http-port=0"]
    with log.open("w") as stderr:
        process = psutil.Popen(
            [*command, f"--data-dir={folder / 'data'}", *options],
            env={**os.environ, "JOINTTRACK_PRELOAD": "none"},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        banner = ""
        giving_up = threading.Timer(TIMEOUT_S, process.kill)
        giving_up.start()
        while "API key" not in banner and (line := process.stdout.readline()):
            banner += line
        giving_up.cancel()
        target = re.search(r"gRPC on (\S+)", banner)
        key = re.search(r"^API key.*: (\S+)$", banner, re.MULTILINE)
        assert target, log.read_text()
        assert key
        yield Supervised(process, target[1], key[1], log, folder / "data")
    finally:
        if process.is_running():
            process.send_signal(signal.SIGTERM)
        process.wait(TIMEOUT_S)
        process.stdout.close()


def test_a_process_that_dies_is_replaced_and_the_others_serve_on(tmp_path: Path) -> None:
    with supervised(tmp_path) as server:
        before = server.until(2)
        victim = next(iter(before))
        os.kill(victim, signal.SIGKILL)
        for _ in range(10):
            assert server.detect() == 1
        after = server.until(2, without={victim})
        assert len(after & before) == 1
        for _ in range(10):
            assert server.detect() == 1
    assert server.process.returncode == 0
    assert "ended (SIGKILL)" in server.log.read_text()


def test_one_that_has_only_just_been_started_ends_as_well_as_the_others(tmp_path: Path) -> None:
    with supervised(tmp_path) as server:
        victim = next(iter(server.until(2)))
        os.kill(victim, signal.SIGKILL)
        server.until(2, without={victim})
    assert server.process.returncode == 0


def test_a_key_revoked_anywhere_is_refused_everywhere_within_a_second(tmp_path: Path) -> None:
    with supervised(tmp_path) as server:
        server.until(2)
        clients = [
            JointTrackClient(
                server.target,
                api_key=server.key,
                timeout_s=TIMEOUT_S,
                channel_options={"grpc.use_local_subchannel_pool": 1},
            )
            for _ in range(8)
        ]
        for client in clients:
            quick_detect(client)
        key_id = server.key.split("_")[1]
        command = [COMMAND, "keys", "revoke", key_id, f"--data-dir={server.data_dir}"]
        subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_S)
        time.sleep(1.0)
        for client in clients:
            with client, pytest.raises(AuthenticationError):
                client.detect(PHOTO)


def test_processes_end_with_their_supervisor(tmp_path: Path) -> None:
    """Even if it is killed: nobody is left who holds the port."""
    with supervised(tmp_path) as server:
        children = list(server.servers.values())
        assert children
        os.kill(server.process.pid, signal.SIGKILL)
        gone, alive = psutil.wait_procs(children, timeout=TIMEOUT_S)
        assert len(gone) == len(children)
        assert not alive
        with (
            JointTrackClient(server.target, api_key=server.key, timeout_s=0.5) as client,
            pytest.raises(UnavailableError),
        ):
            client.detect(PHOTO)


def test_a_port_that_is_taken_is_said_at_once(tmp_path: Path) -> None:
    with supervised(tmp_path, processes=2) as server:
        port = server.target.rpartition(":")[2]
        command = [COMMAND, "serve", "--processes=2", f"--grpc-port={port}", "--http-port=0"]
        command += [f"--data-dir={tmp_path / 'other'}"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be had" in done.stderr
    assert "--grpc-port" in done.stderr


@pytest.mark.local_backend("the models are those of the application that runs there")
def test_settings_that_no_process_can_start_with_end_all(tmp_path: Path) -> None:
    command = [COMMAND, "serve", "--processes=2", "--grpc-port=0", "--http-port=0"]
    command += [f"--data-dir={tmp_path}"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "JOINTTRACK_MODEL_PATHS": '{"movenet-thunder": "/nowhere"}'},
    )
    assert done.returncode == 1
    assert "/nowhere" in done.stderr
