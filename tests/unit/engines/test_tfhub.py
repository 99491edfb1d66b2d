"""Downloads, against a local server that speaks TensorFlow Hub's compressed protocol."""

import contextlib
import dataclasses
import gc
import io
import logging
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from jointtrack_server.engines.base import Engine, PoseModel
from jointtrack_server.engines.catalogue import ModelSpec, find_spec
from jointtrack_server.engines.sources import locate
from jointtrack_server.errors import StartupError

LoadModel = Callable[[str, ModelSpec], PoseModel]
Letterbox = Callable[[str, ModelSpec], NDArray[np.uint8]]

HANDLE_PATH = "/google/movenet/singlepose/lightning/4"
COMPRESSED = f"{HANDLE_PATH}?tf-hub-format=compressed"


class HubServer(ThreadingHTTPServer):
    """Answers one handle with ``archive``, everything else with 404."""

    archive: bytes = b""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.requests: list[str] = []

    @property
    def spec(self) -> ModelSpec:
        """Lightning, with this server in place of tfhub.dev."""
        handle = f"http://127.0.0.1:{self.server_port}{HANDLE_PATH}"
        return dataclasses.replace(find_spec("movenet-lightning"), tfhub_handle=handle)


class HubHandler(BaseHTTPRequestHandler):
    server: HubServer

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        found = self.path == COMPRESSED and self.server.archive
        self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
        body = self.server.archive if found else b"no such model"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub_server() -> Iterator[HubServer]:
    with HubServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_cache_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)


@pytest.fixture(scope="session")
def lightning_archive() -> bytes:
    return archive_of(find_spec("movenet-lightning").embedded_folder)


def archive_of(folder: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        archive.add(folder, arcname=".")
    return stream.getvalue()


def test_a_model_is_downloaded_once_and_then_taken_from_the_cache(
    hub_server: HubServer,
    lightning_archive: bytes,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub_server.archive = lightning_archive
    spec = hub_server.spec
    with caplog.at_level(logging.INFO):
        first = locate(spec, source="tfhub", cache_dir=tmp_path)
    assert hub_server.requests == [COMPRESSED]
    assert first.parent == tmp_path
    assert f"resolving {spec.tfhub_handle}" in caplog.text
    assert f"Downloaded {spec.tfhub_handle}, Total size: 4.6" in caplog.text

    assert locate(spec, source="tfhub", cache_dir=tmp_path) == first
    assert hub_server.requests == [COMPRESSED]


@pytest.mark.parametrize("engine", ["openvino_f32", "tensorflow_f32"])
def test_a_downloaded_model_answers_as_the_embedded_one(
    engine: str,
    hub_server: HubServer,
    lightning_archive: bytes,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    hub_server.archive = lightning_archive
    folder = locate(hub_server.spec, source="tfhub", cache_dir=tmp_path)
    loader: Engine = request.getfixturevalue(engine)
    letterboxed: Letterbox = request.getfixturevalue("letterboxed")
    load_model: LoadModel = request.getfixturevalue("load_model")
    spec = find_spec("movenet-lightning")
    tensor = letterboxed("walk_side.jpg", spec)
    np.testing.assert_allclose(
        loader.load(hub_server.spec, folder).infer(tensor),
        load_model(engine, spec).infer(tensor),
        rtol=0,
        atol=1e-6,
    )


def expect_failure(spec: ModelSpec, cache_dir: Path, reason: str) -> None:
    with pytest.raises(StartupError, match=reason) as caught:
        locate(spec, source="tfhub", cache_dir=cache_dir)
    assert spec.tfhub_handle in str(caught.value)
    assert "embedded weights" in str(caught.value)
    assert not [path for path in cache_dir.iterdir() if path.is_dir()]


def test_offline_says_so(tmp_path: Path) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    spec = dataclasses.replace(
        find_spec("movenet-lightning"), tfhub_handle=f"http://127.0.0.1:{port}{HANDLE_PATH}"
    )
    expect_failure(spec, tmp_path, "Connection refused")


def test_an_unknown_handle_says_so(hub_server: HubServer, tmp_path: Path) -> None:
    expect_failure(hub_server.spec, tmp_path, "HTTP Error 404: Not Found")


# tensorflow_hub leaves the connection open when the archive is bad.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("spoil", ["truncated", "not an archive"])
def test_a_corrupt_archive_is_refused_and_not_kept(
    spoil: str, hub_server: HubServer, lightning_archive: bytes, tmp_path: Path
) -> None:
    half = lightning_archive[: len(lightning_archive) // 2]
    hub_server.archive = half if spoil == "truncated" else b"<html>sorry</html>" * 100
    expect_failure(hub_server.spec, tmp_path, "could not be downloaded")
    hub_server.archive = lightning_archive
    assert locate(hub_server.spec, source="tfhub", cache_dir=tmp_path).is_dir()
    gc.collect()


def test_an_archive_without_a_model_is_refused(hub_server: HubServer, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "README.md").write_text("not a model")
    hub_server.archive = archive_of(tmp_path / "other")
    with pytest.raises(StartupError, match=r"no saved_model\.pb.*Delete that folder"):
        locate(hub_server.spec, source="tfhub", cache_dir=tmp_path / "cache")
