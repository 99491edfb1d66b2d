"""`jointtrack serve`, started as a user starts it; what it prints is run as printed."""

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import assert_refused, run
from tests.support.serving import STOP_S, Served, assert_calls_work_as_printed, serving
from tests.support.waiting import eventually


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
    eventually(lambda: first.status(key) == 401)
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
        assert [line["message"] for line in served.logged] == [
            *("request", "request"),
            "stopping: requests under way may end",
        ]
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
        ("JOINTTRACK_HTTP_TIMEOUT_S", "inf"),
        ("JOINTTRACK_ENGINE", "tpu"),
        ("JOINTTRACK_AUTH", "perhaps"),
        ("JOINTTRACK_MODEL_PATHS", "/no/json"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    done = run("serve", **{name: value})
    assert_refused(done, name if name != "JOINTTRACK_MODEL_PATHS" else "model_paths")


def test_a_misspelt_variable_is_told(tmp_path: Path) -> None:
    variables = {"JOINTTRACK_GPRC_PORT": "1", "JOINTTRACK_PORT": "tcp://192.0.2.1:8080"}
    with serving(tmp_path, "--no-auth", **variables) as served:
        (warning,) = [line for line in served.logged if line["level"] == "WARNING"]
    assert "JOINTTRACK_GPRC_PORT" in warning["message"]
    assert "JOINTTRACK_GRPC_PORT" in warning["message"]


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    paths = json.dumps({"movenet-thunder": "/nonexistent"})
    done = run("serve", "--data-dir", str(tmp_path), JOINTTRACK_MODEL_PATHS=paths)
    assert_refused(done, "/nonexistent", "saved_model.pb", "movenet-thunder")


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
