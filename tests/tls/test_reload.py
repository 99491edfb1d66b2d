"""Certificates that change while callers are connected: nobody is dropped, and new callers see the
new ones."""

import logging
from queue import SimpleQueue

import grpc
import pytest

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.certificates import Authority, Secret
from tests.support.streams import config, frame, walk_frames
from tests.support.tls import Caller
from tests.support.waiting import eventually
from tests.tls.conftest import Start

Requests = SimpleQueue[service_pb2.StreamDetectRequest | None]


class OpenStream:
    """A stream that sends a frame when asked, and its connection."""

    def __init__(self, caller: Caller) -> None:
        credentials = grpc.ssl_channel_credentials(caller.authority.root)
        self._channel = grpc.secure_channel(caller.server.target, credentials)
        self._requests: Requests = SimpleQueue()
        self._requests.put(config())
        answers = JointTrackServiceStub(self._channel).StreamDetect(iter(self._requests.get, None))
        self._answers = iter(answers)
        self._sent = 0

    def ask(self) -> str | None:
        self._sent += 1
        self._requests.put(frame(self._sent, walk_frames()[60]))
        answer = next(self._answers)
        assert answer.sequence_id == self._sent
        return answer.WhichOneof("outcome")

    def close(self) -> None:
        self._requests.put(None)
        assert list(self._answers) == []
        self._channel.close()


@pytest.fixture
def caller(start_server: Start, secret: Secret, authority: Authority) -> Caller:
    return Caller(start_server(auth=False, **secret.settings), authority)


def test_a_renewed_certificate(
    caller: Caller, secret: Secret, authority: Authority, photo: bytes
) -> None:
    stream = OpenStream(caller)
    with caller.http() as http:
        assert stream.ask() == "detection"
        assert http.get("/healthz").status_code == 200
        kept = http.get("/healthz").extensions["network_stream"]

        renewed = authority.server()
        secret.write(renewed)
        eventually(lambda: caller.serial_numbers() == [renewed.serial_number] * 2)

        assert stream.ask() == "detection"
        answer = http.get("/healthz")
        assert answer.status_code == 200
        assert answer.extensions["network_stream"] is kept
        stream.close()
    assert caller.detect_grpc(photo) == pytest.approx(caller.detect_http(photo), abs=0.5)


def test_a_broken_renewal(
    caller: Caller,
    secret: Secret,
    authority: Authority,
    photo: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = caller.serial_numbers()
    stream = OpenStream(caller)
    secret.key.unlink()
    secret.key.write_bytes(authority.server().key)
    eventually(lambda: "goes on with the certificate it has" in caplog.text)
    assert caller.serial_numbers() == before
    assert stream.ask() == "detection"
    stream.close()
    assert caller.detect_grpc(photo) == pytest.approx(caller.detect_http(photo), abs=0.5)
    assert len([one for one in caplog.records if one.levelno == logging.ERROR]) == 1


def test_another_root_for_clients(
    start_server: Start, mutual: Secret, authority: Authority, photo: bytes
) -> None:
    """Certificates of the old root are refused from then on, those of the new one let in."""
    server = start_server(auth=False, **mutual.settings)
    other = Authority()
    old = Caller(server, authority, authority.client(common_name="old"))
    new = Caller(server, authority, other.client(common_name="new"))
    assert old.detect_grpc(photo) == pytest.approx(old.detect_http(photo), abs=0.5)
    assert new.admitted() == [False, False]
    mutual.write(authority.server(), other.root)
    eventually(lambda: new.admitted() == [True, True])
    assert old.admitted() == [False, False]
    assert new.detect_grpc(photo) == pytest.approx(new.detect_http(photo), abs=0.5)
