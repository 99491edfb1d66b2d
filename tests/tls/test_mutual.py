"""Client certificates: who shows none stays out, and a certificate can stand for an API key."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from jointtrack import AuthenticationError, JointTrackError
from jointtrack_server.access.caller import Scope
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.rest_api.live_messages import HEAD
from tests.support.certificates import Authority, Secret
from tests.support.http import live_url
from tests.support.servers import RunningServer
from tests.support.tls import DETECT_PATH, TIMEOUT_S, Caller
from tests.support.waiting import eventually
from tests.tls.conftest import Start

SPIFFE = "spiffe://clinic.example/ward/3"
DNS = "ward-3.clinic.example"
COMMON_NAME = "Ward 3"
ONLY_STREAM = frozenset({Scope.STREAM})


@dataclass(frozen=True)
class Clinic:
    """A server that asks for certificates, and the authority whose it takes."""

    server: RunningServer
    authority: Authority

    @property
    def keys(self) -> KeyStore:
        assert self.server.app.keys is not None
        return self.server.app.keys

    def caller(self, **names: Any) -> Caller:
        return Caller(self.server, self.authority, self.authority.client(**names))


@pytest.fixture
def clinic(start_server: Start, mutual: Secret, authority: Authority) -> Clinic:
    return Clinic(start_server(**mutual.settings), authority)


def grpc_refusal(caller: Caller, photo: bytes) -> str:
    with caller.client() as client, pytest.raises(JointTrackError) as caught:
        client.detect(photo, ["splits"], timeout_s=TIMEOUT_S)
    return str(caught.value)


def http_answer(caller: Caller, photo: bytes, **headers: str) -> httpx.Response:
    form = {"measurement": "splits"}
    with caller.http() as http:
        return http.post(DETECT_PATH, files={"image": photo}, data=form, headers=headers)


def assert_answered(caller: Caller, photo: bytes) -> None:
    assert caller.detect_grpc(photo) == pytest.approx(caller.detect_http(photo), abs=0.5)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (SPIFFE, {"uris": [SPIFFE]}),
        (DNS, {"dns": [DNS]}),
        (COMMON_NAME, {"common_name": COMMON_NAME}),
        (DNS, {"uris": ["spiffe://other.example/x"], "dns": ["other.example", DNS]}),
    ],
)
def test_a_certificate_stands_for_a_key(
    name: str, shown: dict[str, Any], clinic: Clinic, photo: bytes
) -> None:
    caller = clinic.caller(**shown)
    assert http_answer(caller, photo).json()["error"]["code"] == "missing_api_key"
    assert "certificate stands for none" in grpc_refusal(caller, photo)
    key = clinic.keys.create("ward 3", certificate_name=name)[1]
    assert_answered(caller, photo)
    clinic.keys.revoke(key.id)
    eventually(lambda: http_answer(caller, photo).status_code == 401)
    assert "certificate stands for none" in grpc_refusal(caller, photo)


def test_a_certificate_stands_for_a_key_of_a_live_page_too(clinic: Clinic, photo: bytes) -> None:
    caller = clinic.caller(dns=[DNS])
    clinic.keys.create("ward 3", certificate_name=DNS)
    assert_answered(caller, photo)
    address = live_url(clinic.server.url)
    context = clinic.authority.context(caller.certificate)
    with connect(address, ssl=context, max_size=None) as connection:
        connection.send('{"measurement": "splits"}')
        connection.send(HEAD.pack(0, 0.0) + photo)
        assert '"people":[{' in str(connection.recv(timeout=TIMEOUT_S))


def test_uris_go_before_dns_names_and_these_before_the_common_name(
    clinic: Clinic, photo: bytes
) -> None:
    """Each name stands for a key that may not detect, so the refusal says which key was meant."""
    caller = clinic.caller(uris=[SPIFFE], dns=[DNS], common_name=COMMON_NAME)
    meant = ""

    def is_meant() -> bool:
        return meant in http_answer(caller, photo).text

    for name in (COMMON_NAME, DNS, SPIFFE):
        key = clinic.keys.create(name, scopes=ONLY_STREAM, certificate_name=name)[1]
        meant = f"The API key {key.id} may stream"
        eventually(is_meant)
        assert meant in grpc_refusal(caller, photo)


def test_a_key_goes_before_the_certificate(clinic: Clinic, photo: bytes) -> None:
    clinic.keys.create("ward 3", scopes=ONLY_STREAM, certificate_name=COMMON_NAME)
    caller = clinic.caller(common_name=COMMON_NAME)
    good, wrong = clinic.server.api_key, "jt_wrong"
    assert http_answer(caller, photo, **{"X-API-Key": good}).status_code == 200
    caller.detect_grpc(photo, api_key=good)
    assert http_answer(caller, photo, **{"X-API-Key": wrong}).status_code == 401
    with caller.client(api_key=wrong) as client, pytest.raises(AuthenticationError):
        client.detect(photo, ["splits"])


def test_nobody_gets_in_without_a_certificate_of_the_root(clinic: Clinic, photo: bytes) -> None:
    clinic.keys.create("ward 3", certificate_name=COMMON_NAME)
    forged = Authority().client(common_name=COMMON_NAME)
    for certificate in (None, forged):
        caller = Caller(clinic.server, clinic.authority, certificate)
        assert caller.admitted() == [False, False]
    assert_answered(clinic.caller(common_name=COMMON_NAME), photo)


def test_names_in_headers_are_nobodys(clinic: Clinic, photo: bytes) -> None:
    clinic.keys.create("ward 3", certificate_name=COMMON_NAME)
    other = clinic.caller(common_name="Ward 4")
    forged = {"client_cert_names": COMMON_NAME, "X-Forwarded-Client-Cert": f"Subject={COMMON_NAME}"}
    assert http_answer(other, photo, **forged).status_code == 401
    assert_answered(clinic.caller(common_name=COMMON_NAME), photo)
