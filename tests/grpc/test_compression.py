"""Compressed requests and answers, and what a small message may inflate to."""

import asyncio
import gzip
import socket
import socketserver
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

import cv2
import grpc
import numpy as np
import pytest

from jointtrack import AsyncJointTrackClient, JointTrackClient
from jointtrack._channel import Compression, ConnectOptions
from jointtrack.v1 import image_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.http2 import Http2Caller, Pairs, grpc_frame, http2_caller
from tests.support.servers import RunningServer
from tests.support.waiting import WAIT_S

Start = Callable[..., RunningServer]

INFO = "/jointtrack.v1.JointTrackService/GetServerInfo"
MIB = 1 << 20
NO_MESSAGE = grpc_frame(b"")


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_requests_may_be_compressed(
    stub: JointTrackServiceStub,
    server: RunningServer,
    photo: bytes,
    compression: grpc.Compression,
) -> None:
    request = service_pb2.DetectRequest(image=image_pb2.Image(encoded=photo))
    plain, compressed = (
        stub.Detect(request, metadata=server.metadata, compression=one, timeout=WAIT_S)
        for one in (None, compression)
    )
    assert list(compressed.detection.people) == list(plain.detection.people)


def answer_to(caller: Http2Caller, *accepted: str, metadata: Pairs = ()) -> tuple[str, bool]:
    """The encoding of the server's answer, and whether it is in use."""
    accepting = ("grpc-accept-encoding", ",".join(("identity", *accepted)))
    call = caller.call(INFO, NO_MESSAGE, (*metadata, accepting))
    assert caller.status(call) is grpc.StatusCode.OK
    encoding = caller.headers[call].get("grpc-encoding", "identity")
    return encoding, bool(caller.data[call][0])


def test_answers_are_compressed_if_set_for_those_who_take_it(
    server: RunningServer, start_server: Start
) -> None:
    compressing = start_server(auth=False, preload="none", grpc_compression=True)
    with http2_caller(compressing.target) as caller:
        assert answer_to(caller, "gzip", "deflate") == ("gzip", True)
        assert answer_to(caller, "deflate") == ("deflate", True)
        assert answer_to(caller) == ("identity", False)
    with http2_caller(server.target) as caller:
        assert answer_to(caller, "gzip", metadata=server.metadata) == ("identity", False)


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_kilobyte_that_inflates_beyond_the_limit(
    start_server: Start, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    server = start_server(auth=False, preload="none", max_message_bytes=MIB)
    bomb = compress(bytes(MIB + 1))
    assert len(bomb) < 1200
    metadata = (("grpc-encoding", encoding),)
    with http2_caller(server.target) as caller:
        for path in (INFO, "/grpc.health.v1.Health/Check"):
            call = caller.call(path, grpc_frame(bomb, is_compressed=True), metadata)
            assert caller.status(call) is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert caller.status(caller.call(INFO, NO_MESSAGE)) is grpc.StatusCode.OK


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity", "br"])
def test_what_says_it_is_compressed_and_is_not(server: RunningServer, encoding: str) -> None:
    broken = grpc_frame(b"no such thing", is_compressed=True)
    metadata = (*server.metadata, ("grpc-encoding", encoding))
    with http2_caller(server.target) as caller:
        call = caller.call(INFO, broken, metadata)
        assert caller.status(call) is not grpc.StatusCode.OK
        assert caller.status(caller.call(INFO, NO_MESSAGE, server.metadata)) is grpc.StatusCode.OK


class Relay(socketserver.ThreadingTCPServer):
    """Stands between callers and a server, and counts what the callers send."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Relayed)
        self.server_port = port
        self.sent_bytes = 0

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.socket.getsockname()[1]}"


class _Relayed(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.server_port)) as there:
            back = threading.Thread(target=self._answer, args=(there,))
            back.start()
            while sent := self.request.recv(65_536):
                self.server.sent_bytes += len(sent)
                there.sendall(sent)
            there.shutdown(socket.SHUT_WR)
            back.join()

    def _answer(self, there: socket.socket) -> None:
        with suppress(ConnectionError):
            while answered := there.recv(65_536):
                self.request.sendall(answered)


@pytest.fixture
def relay(server: RunningServer) -> Iterator[Relay]:
    with Relay(server.app.grpc_door.port) as relay:
        thread = threading.Thread(target=relay.serve_forever)
        thread.start()
        yield relay
        relay.shutdown()
        thread.join()


@pytest.mark.parametrize("compression", ["gzip", "deflate", None])
async def test_our_clients_compress_requests(
    relay: Relay, server: RunningServer, photo: bytes, compression: Compression | None
) -> None:
    decoded = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert decoded is not None
    pixels = decoded.astype(np.uint8)
    options = ConnectOptions(target=relay.target, api_key=server.api_key, compression=compression)
    async with AsyncJointTrackClient(**options) as client:
        result = await client.detect(pixels)
    asynchronous_bytes = relay.sent_bytes
    with JointTrackClient(**options) as blocking:
        again = await asyncio.to_thread(blocking.detect, pixels)
    assert again.people == result.people
    for sent_bytes in (asynchronous_bytes, relay.sent_bytes - asynchronous_bytes):
        assert (sent_bytes < 0.7 * pixels.nbytes) is (compression is not None)


def test_our_client_knows_no_other_compression() -> None:
    with pytest.raises(ValueError, match="gzip or deflate"):
        JointTrackClient(compression="br")  # type: ignore[arg-type]
