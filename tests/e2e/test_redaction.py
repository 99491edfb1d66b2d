"""Whatever goes wrong, the log holds no key, no picture, and no more of a URL than its host."""

import base64
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import requests

from jointtrack.v1 import admin_service_pb2 as admin_pb2
from jointtrack.v1 import image_pb2, measurement_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from tests.support.command import ENVIRONMENT, run
from tests.support.hostile import hostile_server, ok, redirect
from tests.support.ray_cluster import OF_SERVERS
from tests.support.servers import DATA
from tests.support.waiting import eventually

PHOTO = (DATA / "arms_out_front.jpg").read_bytes()
CUT = PHOTO[:5000]
WRONG_KEY = "jt_0badc0de_0123456789abcdef0123456789abcdef"
USER, PASSWORD, QUERY, FRAGMENT = "u5ername", "pa55word", "t0ken=1n-the-query", "fr4gment"
PROGRAM = """
import sys
from jointtrack_server.pipeline import detect
from jointtrack.__main__ import main

measure = detect.measure

def measure_or_fail(pose, options, **more):
    if options.strict:
        raise ValueError("the measurement broke")
    return measure(pose, options, **more)

detect.measure = measure_or_fail
sys.argv[0] = "jointtrack"
main()
"""
"""The server with a fault: whoever asks for strict meets an internal error."""


@dataclass
class Logged:
    """A server that logs all it can, and where that goes."""

    process: "subprocess.Popen[bytes]"
    output: Path
    key: str

    def printed(self) -> str:
        return self.output.read_text("utf-8", "backslashreplace")

    def _address(self, pattern: str) -> str:
        match = re.search(pattern, self.printed())
        assert match is not None, self.printed()
        return match[1]

    @property
    def url(self) -> str:
        return self._address(r"HTTP on (http://\S+)")

    @property
    def target(self) -> str:
        return self._address(r"gRPC on (\S+)")


@contextmanager
def logged(folder: Path, **variables: str) -> Iterator[Logged]:
    data = ("--data-dir", str(folder / "data"))
    scopes = ("--scope", "detect", "--scope", "stream", "--scope", "admin")
    key = run("keys", "create", "--name", "first", "--quiet", *scopes, *data).stdout.strip()
    assert key.startswith("jt_")
    output = folder / "output"
    arguments = ("serve", "--grpc-port", "0", "--http-port", "0", *data)
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={**ENVIRONMENT, **OF_SERVERS, "JOINTTRACK_LOG_LEVEL": "debug", **variables},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    server = Logged(process, output, key)
    try:
        eventually(lambda: "EOF" in server.printed().split() or process.poll() is not None)
        yield server
    finally:
        process.kill()
        process.wait()


def post(server: Logged, path: str = "/detect", **request: Any) -> requests.Response:
    headers = {"X-API-Key": server.key, **request.pop("headers", {})}
    return requests.post(server.url + path, headers=headers, timeout=30, **request)


def form(image: bytes = PHOTO, **fields: str) -> dict[str, Any]:
    return {"files": {"image": image}, "data": {"measurement": "splits", **fields}}


def keys_in_odd_places(server: Logged) -> None:
    for key in (server.key, WRONG_KEY):
        odd = {
            **dict.fromkeys(("X-Request-Id", "User-Agent", "Referer", "X-Forwarded-For"), key),
            "Authorization": f"Bearer {key}",
            "Cookie": f"key={key}",
        }
        post(server, headers=odd, **form(strict="true"))
        post(server, headers={"X-API-Key": key, "X-Request-Id": f"a.{key}"}, **form(strict="1"))
        post(server, f"/detect?X-API-Key={key}&key={key}", headers={"X-API-Key": ""}, **form())
        post(server, f"/detect/{key}", **form())
        post(server, data=key, headers={"Content-Type": key})
        post(server, headers={"Content-Type": "multipart/form-data"}, data=key)
        post(server, data=f'{{"{key}', headers={"Content-Type": "application/json"})
        post(server, **form(side=key, model=key, user=key))
        post(server, files={key: (key, PHOTO, key), "image": (key, PHOTO, key)})
        parts = (
            f'--b\r\nContent-Disposition: form-data; name="a"\r\n'
            f"Content-Transfer-Encoding: {key}\r\n\r\n{key}\r\n--b{key}\r\n{key}: \x00"
        )
        post(server, data=parts, headers={"Content-Type": "multipart/form-data; boundary=b"})
        requests.request("BREW", f"{server.url}/detect?{key}", data=key, timeout=30)
        speak(server, f"{key} / HTTP/1.1\r\n\r\n".encode())
        speak(server, f"GET /{key} HTTP/1.1\r\nA: {key * 5000}\r\n\r\n".encode())
        speak(server, f"POST /detect HTTP/1.1\r\nX-API-Key: {server.key}\r\n{key}".encode())


def speak(server: Logged, data: bytes) -> None:
    """Raw bytes, and a sudden end."""
    address = urlsplit(server.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 0), timeout=30) as connection:
        connection.settimeout(0.5)
        with suppress(OSError):
            connection.sendall(data)
            connection.recv(1000)


def pictures(server: Logged) -> None:
    for picture in (PHOTO, CUT, CUT + PHOTO[6000:], PHOTO[10:], b"\x89PNG\r\n\x1a\n" + PHOTO):
        text = base64.b64encode(picture).decode()
        for strict in ("true", "false"):
            post(server, **form(picture, strict=strict))
            for image in (text, f"data:image/jpeg;base64,{text}", text + "!", f"!{text}"):
                post(server, json={"measurement": "splits", "image": image, "strict": strict})
                post(server, data={"measurement": "splits", "image": image, "strict": strict})
        post(server, data=picture, headers={"Content-Type": "application/json"})
        post(server, data=picture, headers={"Content-Type": "multipart/form-data; boundary=b"})
        post(server, files={"image": picture, "side": picture}, data={"measurement": "splits"})


def urls(server: Logged, picture_port: int) -> None:
    there = f"{USER}:{PASSWORD}@127.0.0.1:{picture_port}"
    for url in (
        f"http://127.0.0.1:{picture_port}/photo.jpg?{QUERY}#{FRAGMENT}",
        f"http://127.0.0.1:{picture_port}/redirect?{QUERY}",
        f"http://127.0.0.1:{picture_port}/text?{QUERY}",
        f"http://127.0.0.1:{picture_port}/nothing?{QUERY}",
        f"http://{there}/photo.jpg?{QUERY}",
        f"https://{there}/photo.jpg?{QUERY}",
        f"http://{USER}:{PASSWORD}@127.0.0.1:1/photo.jpg?{QUERY}",
        f"http://127.0.0.1:1/photo.jpg?{QUERY}",
        f"http://{USER}:{PASSWORD}@no-such-host.invalid/photo.jpg?{QUERY}",
        f"http://no-such-host.invalid/photo.jpg?{QUERY}",
        f"http://{USER}:{PASSWORD}@[::1/photo.jpg?{QUERY}",
        f"ftp://{USER}:{PASSWORD}@127.0.0.1/photo.jpg?{QUERY}",
    ):
        for field in ("image", "image_url", "image_base64"):
            for strict in ("true", "false"):
                fields = {"measurement": "splits", field: url, "strict": strict}
                post(server, json=fields)
        call(server, detect_request(image_pb2.Image(url=url)))
        call(server, detect_request(image_pb2.Image(url=url), strict=True))


def detect_request(image: image_pb2.Image, *, strict: bool = False) -> bytes:
    options = service_pb2.DetectOptions(
        measurements=[measurement_pb2.MEASUREMENT_TYPE_SPLITS], strict=strict
    )
    return service_pb2.DetectRequest(image=image, options=options).SerializeToString()


def call(
    server: Logged, data: bytes, name: str = "JointTrackService/Detect", key: str = ""
) -> bytes:
    """One message out, one in; a refusal is as good."""
    key = key or server.key
    metadata = tuple(
        (one, key) for one in ("x-api-key", "x-request-id", "authorization", "cookie", "x-other")
    )
    with grpc.insecure_channel(server.target) as channel, suppress(grpc.RpcError):
        method: Any = channel.unary_unary(f"/jointtrack.v1.{name}", None, None)
        return bytes(method(data, metadata=metadata, timeout=30))
    return b""


def grpc_calls(server: Logged) -> str:
    """The text of a key that was made."""
    for key in (server.key, WRONG_KEY):
        for picture in (PHOTO, CUT, PHOTO[10:]):
            for strict in (True, False):
                image = image_pb2.Image(encoded=picture)
                call(server, detect_request(image, strict=strict), key=key)
            call(server, picture, key=key)
        call(server, key.encode(), f"JointTrackService/{key}", key=key)
        call(server, key.encode(), "AdminService/CreateKey", key=key)
        with grpc.insecure_channel(server.target) as channel, suppress(grpc.RpcError):
            stream: Any = channel.stream_stream("/jointtrack.v1.JointTrackService/StreamDetect")
            messages = [config(strict=True), frame(1, CUT), frame(2, PHOTO), frame(2, PHOTO)]
            list(stream(iter(messages), metadata=(("x-api-key", key),), timeout=60))
    request = admin_pb2.CreateKeyRequest(name="made", scopes=[admin_pb2.SCOPE_DETECT])
    answer = call(server, request.SerializeToString(), "AdminService/CreateKey")
    return admin_pb2.CreateKeyResponse.FromString(answer).key_text


def config(*, strict: bool) -> bytes:
    options = service_pb2.DetectOptions(
        measurements=[measurement_pb2.MEASUREMENT_TYPE_SPLITS], strict=strict
    )
    one = service_pb2.StreamConfig(options=options)
    return service_pb2.StreamDetectRequest(config=one).SerializeToString()


def frame(number: int, picture: bytes) -> bytes:
    one = service_pb2.Frame(sequence_id=number, image=image_pb2.Image(encoded=picture))
    return service_pb2.StreamDetectRequest(frame=one).SerializeToString()


def forms_of(picture: bytes) -> Iterator[str]:
    """Pieces of a picture in the ways in which a log could hold it."""
    for at in range(0, len(picture) - 64, 997):
        piece = picture[at : at + 48]
        yield piece.decode("latin-1")
        yield repr(piece)[2:-1]
        yield piece.hex()
        for shift in range(3):
            yield base64.b64encode(piece[shift:]).decode()[: 4 * (45 // 3) - 4]


def test_the_log_holds_no_secret(tmp_path: Path) -> None:
    answers = {
        "/photo.jpg": ok(PHOTO),
        "/redirect": redirect(f"http://{USER}:{PASSWORD}@10.0.0.1/?{QUERY}"),
        "/text": ok(b"hello", "Content-Type: text/plain", f"Set-Cookie: {PASSWORD}"),
        "/nothing": b"",
    }
    with hostile_server(answers) as pictures_server:
        variables = {
            "JOINTTRACK_FETCH_PRIVATE": '["127.0.0.1/32"]',
            "JOINTTRACK_FETCH_PORTS": json.dumps([pictures_server.port, 1]),
        }
        with logged(tmp_path, **variables) as server:
            assert post(server, **form()).status_code == 200
            assert post(server, **form(strict="true")).status_code == 500
            keys_in_odd_places(server)
            pictures(server)
            urls(server, pictures_server.port)
            assert pictures_server.asked
            made = grpc_calls(server)
            assert made.startswith("jt_")
            assert post(server, **form()).status_code == 200
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) == 0
            log = server.printed()
    assert "the measurement broke" in log  # what is no secret is there
    assert log.count('"message": "request"') > 100
    secrets = {server.key, made, WRONG_KEY, USER, PASSWORD, QUERY, "1n-the-query", FRAGMENT}
    secrets |= {one[-32:] for one in (server.key, made, WRONG_KEY)}
    assert {one for one in secrets if one.lower() in log.lower()} == set()
    assert {one for one in forms_of(PHOTO) if one in log} == set()
    assert len(log) < 1_000_000


def test_a_store_that_fails_is_not_named_with_its_password(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://{USER}:{PASSWORD}@127.0.0.1:1/keys"
    for arguments in (["keys", "list"], ["serve", "--grpc-port", "0", "--http-port", "0"]):
        done = run(*arguments, JOINTTRACK_STORE_URL=url, JOINTTRACK_LOG_LEVEL="debug")
        assert done.returncode == 1
        assert PASSWORD not in done.stdout + done.stderr
