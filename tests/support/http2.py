"""A gRPC caller whose every HTTP/2 frame the test chooses."""

import select
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes, Settings

from tests.support.waiting import WAIT_S

_FRAME_HEAD_BYTES = 9

_STATUS = {str(code.value[0]): code for code in grpc.StatusCode}

Pairs = tuple[tuple[str, str], ...]


def grpc_frame(message: bytes, *, is_compressed: bool = False) -> bytes:
    return struct.pack(">BI", is_compressed, len(message)) + message


class Http2Caller:
    """``window`` is how many bytes of an answer it takes unasked: with 0 it takes none.

    ``ended`` is the streams that are over, ``headers`` what came with each, and ``goaway`` the
    server's last words.
    """

    def __init__(self, target: str, connection: socket.socket, window: int | None) -> None:
        self.ended: set[int] = set()
        self.headers: defaultdict[int, dict[str, str]] = defaultdict(dict)
        self.data: defaultdict[int, bytes] = defaultdict(bytes)
        self.goaway: ConnectionTerminated | None = None
        self._received = b""
        self._target = target
        self._socket = connection
        self._http2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        if window is not None:
            values = {SettingCodes.INITIAL_WINDOW_SIZE: window}
            self._http2.local_settings = Settings(client=True, initial_values=values)
        self._http2.initiate_connection()
        self._flush()

    def call(self, path: str, data: bytes = b"", metadata: Pairs = (), *, ends: bool = True) -> int:
        """Opens a stream and sends ``data``, such as a ``grpc_frame``; returns its number."""
        stream = self._http2.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", self._target),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            *metadata,
        ]
        self._http2.send_headers(stream, headers, end_stream=ends and not data)
        self._send(stream, data, ends=ends)
        self._flush()
        return stream

    def reset(self, stream: int) -> None:
        self._http2.reset_stream(stream)
        self._flush()

    def ping(self) -> None:
        self._http2.ping(bytes(8))
        self._flush()

    def await_end(self, stream: int) -> None:
        while stream not in self.ended:
            self.receive()

    def status(self, stream: int) -> grpc.StatusCode:
        """How the call ended, once it has."""
        self.await_end(stream)
        return _STATUS[self.headers[stream]["grpc-status"]]

    @property
    def is_hung_up(self) -> bool:
        """Whether the server has closed the connection, read or not."""
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)
        return bool(poll.poll(0))

    def receive(self) -> None:
        """Waits for bytes of the server and does what they say; h2 takes none after a GOAWAY.

        Raises ConnectionError when no more will come.
        """
        received = b"" if self.goaway else self._socket.recv(65_536)
        if not received:
            raise ConnectionError("the server ended the connection")
        self._received += received
        while self.goaway is None and len(self._received) >= (size := self._frame_size()):
            frame, self._received = self._received[:size], self._received[size:]
            for event in self._http2.receive_data(frame):
                self._note(event)
        self._flush()

    def _frame_size(self) -> int:
        return _FRAME_HEAD_BYTES + int.from_bytes(self._received[:3])

    def _note(self, event: Event) -> None:
        match event:
            case ResponseReceived() | TrailersReceived():
                headers = {str(name): str(value) for name, value in event.headers or ()}
                self.headers[event.stream_id] |= headers
            case DataReceived():
                self.data[event.stream_id] += event.data or b""
                self._http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamEnded() | StreamReset():
                self.ended.add(event.stream_id)
            case ConnectionTerminated():
                self.goaway = event

    def _send(self, stream: int, data: bytes, *, ends: bool) -> None:
        while data and stream not in self.ended:
            room = min(
                self._http2.local_flow_control_window(stream), self._http2.max_outbound_frame_size
            )
            if room:
                part, data = data[:room], data[room:]
                self._http2.send_data(stream, part, end_stream=ends and not data)
                self._flush()
            else:
                self.receive()

    def _flush(self) -> None:
        self._socket.sendall(self._http2.data_to_send())


@contextmanager
def http2_caller(
    target: str, *, window: int | None = None, address: str = "127.0.0.1"
) -> Iterator[Http2Caller]:
    """Connected from ``address``."""
    host, _, port = target.rpartition(":")
    with socket.create_connection(
        (host, int(port)), timeout=WAIT_S, source_address=(address, 0)
    ) as connection:
        yield Http2Caller(target, connection, window)
