"""`jointtrack serve`, started as a user starts it; what it prints is run as printed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

COMMAND = str(Path(sys.executable).parent / "jointtrack")
START_S = 60.0
STOP_S = 15.0
PHOTO = Path(__file__).parents[1] / "data" / "arms_out_front.jpg"
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith("JOINTTRACK_")
}


@dataclass
class Served:
    """A running `jointtrack serve`; ``printed`` is its banner."""

    process: "subprocess.Popen[str]"
    folder: Path
    printed: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.printed)

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()

    @property
    def url(self) -> str:
        return self._found(r"HTTP on (http://\S+)")

    @property
    def key(self) -> str:
        return self._found(r"^API key.*: (\S+)$")

    @property
    def curl(self) -> str:
        return next(line for line in self.printed if line.startswith("curl "))

    @property
    def python(self) -> str:
        start = next(at for at, line in enumerate(self.printed) if line.endswith("<<EOF"))
        return "\n".join(self.printed[start : self.printed.index("EOF") + 1])

    @property
    def export(self) -> str:
        return next(line for line in self.printed if line.startswith("export "))

    def _found(self, pattern: str) -> str:
        match = re.search(pattern, self.text, re.MULTILINE)
        assert match is not None, self.text
        return match.group(1)

    def shell(self, commands: str) -> str:
        """Standard output of the commands, run from the folder in which the server started."""
        done = subprocess.run(
            commands,
            shell=True,
            cwd=self.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, key: str | None) -> int:
        headers = {} if key is None else {"X-API-Key": key}
        with PHOTO.open("rb") as file:
            answer = requests.post(
                f"{self.url}/jointtrack/v1/detect",
                files={"image": file},
                data={"measurement": "knee_flexion"},
                headers=headers,
                timeout=30,
            )
        return answer.status_code

    def stop(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return self.process.wait(STOP_S)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Served]:
    folder.mkdir(exist_ok=True)
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [COMMAND, "serve", "--grpc-port", "0", "--http-port", "0", *options],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    served = Served(process, folder)
    giving_up = threading.Timer(START_S, process.kill)
    giving_up.start()
    try:
        for line in process.stdout:
            served.printed.append(line.rstrip("\n"))
            if served.printed[-1] == "EOF":
                break
        assert process.poll() is None, served.stderr
        yield served
    finally:
        giving_up.cancel()
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [COMMAND, *arguments],
        env={**ENVIRONMENT, **variables},
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )


def assert_refused(done: "subprocess.CompletedProcess[str]", *parts: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("jointtrack: ")
    for part in parts:
        assert part in line


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on an empty key store."""
    with serving(tmp_path_factory.mktemp("a user's folder"), "--data-dir", "data") as served:
        yield served


@pytest.fixture(scope="module")
def second(first: Served) -> Iterator[Served]:
    """Another one on the same key store."""
    folder = first.folder / "second"
    with serving(folder, "--data-dir", str(first.folder / "data")) as served:
        yield served


def assert_calls_work_as_printed(served: Served, before: str = "") -> None:
    assert served.shell(f"{before}\n{served.curl}") == "200 answer.json\n"
    answer = json.loads((served.folder / "answer.json").read_text())
    assert answer["status"] == "ok"
    angles = served.shell(f"{before}\n{served.python}")
    left, right = map(int, re.findall(r"-?\d+", angles))
    assert 60 <= left <= 90
    assert 35 <= right <= 70
    overlay = served.folder / "overlay.jpg"
    assert overlay.read_bytes().startswith(b"\xff\xd8\xff")
    overlay.unlink()


def test_the_first_start_prints_a_key_and_calls_that_work(first: Served) -> None:
    assert first.text.count("shown this once") == 1
    assert first.key.startswith("jt_")
    assert re.search(r"gRPC on 127\.0\.0\.1:[1-9]\d+ and HTTP on http://127\.0\.0\.1:", first.text)
    assert "Engine: openvino" in first.text
    assert_calls_work_as_printed(first)


def test_the_next_start_prints_how_to_make_a_key(second: Served, first: Served) -> None:
    assert "shown this once" not in second.text
    assert first.key not in second.text
    assert_calls_work_as_printed(second, second.export)


def test_the_log_holds_no_key(first: Served) -> None:
    assert first.status(first.key) == 200
    assert first.key not in first.stderr
    assert "Traceback" not in first.stderr


def test_keys_made_while_it_runs_count_at_once_and_revoked_ones_no_more(first: Served) -> None:
    data = ("--data-dir", str(first.folder / "data"))
    made = run("keys", "create", "--name", "clinic", "--quiet", *data)
    key = made.stdout.strip()
    assert made.stdout == f"{key}\n"
    assert made.stderr == ""
    assert first.status(key) == 200
    key_id = key.split("_")[1]
    assert key_id in run("keys", "list", *data).stdout
    assert run("keys", "revoke", key_id, *data).returncode == 0
    assert first.status(key) == 401
    assert first.status(None) == 401
    assert first.status(first.key) == 200


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_without_fuss(sign: signal.Signals, tmp_path: Path) -> None:
    with serving(tmp_path / "here", "--no-auth") as served:
        assert "API key" not in served.text
        assert "X-API-Key" not in served.curl
        assert_calls_work_as_printed(served)
        started_s = time.monotonic()
        assert served.stop(sign) == 0
        assert time.monotonic() - started_s < STOP_S / 2
        assert served.stderr == "Stopping: requests under way may end.\n"
        assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("option", ["--grpc-port", "--http-port"])
def test_a_taken_port_is_named(option: str, tmp_path: Path) -> None:
    other = {"--grpc-port": "--http-port", "--http-port": "--grpc-port"}[option]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", option, port, other, "0", "--data-dir", str(tmp_path))
    assert_refused(done, f"127.0.0.1:{port}", option)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_no_auth_stays_on_this_machine(host: str) -> None:
    done = run("serve", "--no-auth", "--host", host)
    assert_refused(done, host, "--insecure", "127.0.0.1")


def test_insecure_opens_it_to_others(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-auth", "--host", "0.0.0.0", "--insecure") as served:
        assert served.url.startswith("http://127.0.0.1:")
        assert served.status(None) == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JOINTTRACK_GRPC_PORT", "abc"),
        ("JOINTTRACK_HTTP_PORT", "70000"),
        ("JOINTTRACK_WORKERS", "-1"),
        ("JOINTTRACK_ENGINE", "tpu"),
        ("JOINTTRACK_AUTH", "perhaps"),
        ("JOINTTRACK_MODEL_PATHS", "/no/json"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    done = run("serve", **{name: value})
    assert_refused(done, name if name != "JOINTTRACK_MODEL_PATHS" else "model_paths")


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    paths = json.dumps({"movenet-thunder": "/nonexistent"})
    done = run("serve", "--data-dir", str(tmp_path), JOINTTRACK_MODEL_PATHS=paths)
    assert_refused(done, "/nonexistent", "saved_model.pb", "movenet-thunder")


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert_refused(run("keys", "list", "--data-dir", str(file)), str(file), "--data-dir")


def test_keys_are_made_shown_once_listed_and_revoked(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    made = run("keys", "create", "--name", "clinic [east]", *data)
    (text,) = re.findall(r"jt_[0-9a-f]{8}_\S+", made.stdout)
    key_id = text.split("_")[1]
    assert made.stdout.startswith(f"{text}\n")
    assert "cannot be shown again" in made.stdout
    listed = run("keys", "list", *data).stdout
    assert key_id in listed
    assert "clinic [east]" in listed
    assert text not in listed
    assert run("keys", "revoke", key_id, *data).stdout == f"Key {key_id} is revoked.\n"
    for gone in (key_id, "nonsense"):
        assert_refused(run("keys", "revoke", gone, *data), gone, "keys list")


def test_models_are_listed_with_their_handles() -> None:
    listed = run("models")
    assert listed.returncode == 0
    for part in (
        "movenet-thunder (default)",
        "256 px",
        "https://tfhub.dev/google/movenet/singlepose/thunder/4",
        "https://tfhub.dev/google/movenet/multipose/lightning/1",
    ):
        assert part in listed.stdout
