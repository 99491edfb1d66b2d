"""Requests to the HTTP door of a running server, and pictures to send."""

import base64
import http.client
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import requests
from numpy.typing import NDArray

from tests.support.servers import RunningServer

DOCUMENTED_PATH = "/jointtrack/v1/detect"
TIMEOUT_S = 30

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Door:
    """The HTTP door of one server."""

    server: RunningServer

    def post(
        self,
        path: str = DOCUMENTED_PATH,
        *,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> requests.Response:
        """POSTs with the server's own key, unless the headers have another."""
        headers = {"X-API-Key": self.server.api_key, **(headers or {})}
        return requests.post(self.server.url + path, headers=headers, timeout=TIMEOUT_S, **request)

    def detect(self, image: bytes, measurement: str = "shoulder_abduction", **fields: str) -> Any:
        """The JSON of a picture file sent the documented way; it must be an answer."""
        response = self.post(files={"image": image}, data={"measurement": measurement, **fields})
        assert response.status_code == 200, response.text
        return response.json()

    def get(self, path: str, method: str = "GET") -> requests.Response:
        return requests.request(method, self.server.url + path, timeout=TIMEOUT_S)

    def count(self, labels: str) -> float:
        """How many requests were answered, by the labels as /metrics writes them."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(f"jointtrack_requests_total{{{labels}}} "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def connect(self) -> socket.socket:
        return socket.create_connection(
            ("127.0.0.1", self.server.app.http_door.port), timeout=TIMEOUT_S
        )

    def head(self, *lines: str, path: str = DOCUMENTED_PATH) -> bytes:
        """The head of a POST as it goes over the wire."""
        given = (f"POST {path} HTTP/1.1", "Host: test", f"X-API-Key: {self.server.api_key}", *lines)
        return "\r\n".join(given).encode() + b"\r\n\r\n"

    def exchange(self, *parts: bytes) -> requests.Response:
        """Sends raw bytes over a socket and reads one response."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return read_response(connection)


def live_url(url: str) -> str:
    """Of the WebSocket at the door of this address."""
    return url.replace("http", "ws", 1) + "/live"


def read_response(connection: socket.socket) -> requests.Response:
    raw = http.client.HTTPResponse(connection, method="POST")
    raw.begin()
    response = requests.Response()
    response.status_code = raw.status
    response.headers.update(raw.getheaders())
    response._content = raw.read()
    return response


def read_to_the_end(connection: socket.socket) -> bytes:
    """All that comes until the other side closes, or resets."""
    read = b""
    with suppress(ConnectionError):
        while more := connection.recv(65536):
            read += more
    return read


def refused(response: requests.Response, status: int, code: str, field: str | None = None) -> str:
    """Checks the documented error body to the letter; returns its message."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    document = response.json()
    assert set(document) == {"status", "error"}
    assert document["status"] == "error"
    error = document["error"]
    assert set(error) == {"code", "message", "requestId", *({"field"} if field else ())}
    assert error["code"] == code
    assert error.get("field") == field
    assert error["requestId"] == response.headers["X-Request-Id"]
    message: str = error["message"]
    assert message[-1] != " "
    assert "Traceback" not in message
    return message


def picture_of(image: Mapping[str, Any]) -> bytes:
    """The file in an answer's image object."""
    head, _, text = image["data"].partition(",")
    assert head == "data:image/jpeg;base64"
    return base64.b64decode(text, validate=True)


def pixels_of(file: bytes) -> Pixels:
    """Decoded as stored, whatever the EXIF orientation says."""
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(file, np.uint8), flags)
    assert pixels is not None
    return pixels.astype(np.uint8)


def encode(extension: str, pixels: Pixels) -> bytes:
    """A picture file, such as of ".png"."""
    return cv2.imencode(extension, pixels)[1].tobytes()


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """The same JPEG with an EXIF segment that holds the orientation tag only."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\x00*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    segment = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]
