"""Both administrator's clients on the real server."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from jointtrack import (
    AsyncJointTrackAdmin,
    AuthenticationError,
    InvalidRequestError,
    JointTrackAdmin,
    JointTrackClient,
    Plan,
    Scope,
)
from tests.support.servers import RunningServer

Call = Callable[..., Any]


def call_sync(target: str, api_key: str, name: str, *args: Any, **options: Any) -> Any:
    with JointTrackAdmin(target, api_key=api_key, timeout_s=20.0) as admin:
        return getattr(admin, name)(*args, **options)


def call_async(target: str, api_key: str, name: str, *args: Any, **options: Any) -> Any:
    async def main() -> Any:
        async with AsyncJointTrackAdmin(target, api_key=api_key, timeout_s=20.0) as admin:
            return await getattr(admin, name)(*args, **options)

    return asyncio.run(main())


@pytest.fixture(params=[call_sync, call_async], ids=["sync", "async"])
def call(request: pytest.FixtureRequest, keyed_server: RunningServer) -> Call:
    """A method of either client by its name, with the server's first key."""
    target, api_key = keyed_server.target, keyed_server.api_key
    return lambda *args, **options: request.param(target, api_key, *args, **options)


def is_admitted(server: RunningServer, text: str) -> bool:
    with JointTrackClient(server.target, api_key=text) as client:
        try:
            client.server_info()
        except AuthenticationError:
            return False
    return True


def test_a_key_is_made_rotated_and_revoked(call: Call, keyed_server: RunningServer) -> None:
    ends = datetime(2099, 1, 31, tzinfo=UTC)
    made = call("create_key", "clinic", ["stream"], plan="trial", expires_at=ends)
    key = made.key
    assert (key.name, key.scopes, key.plan) == ("clinic", ("stream",), "trial")
    assert (key.expires_at, key.revoked_at, key.certificate_name) == (ends, None, None)
    assert is_admitted(keyed_server, made.text)
    rotated = call("rotate_key", key.key_id, overlap_s=3600.0)
    assert rotated.key == key
    assert is_admitted(keyed_server, rotated.text), "the server knows of the change"
    assert is_admitted(keyed_server, made.text)
    revoked = call("revoke_key", key.key_id)
    assert revoked.revoked_at > key.created_at
    assert revoked in call("list_keys")
    time.sleep(1.0)
    assert not is_admitted(keyed_server, made.text)
    assert not is_admitted(keyed_server, rotated.text)


def test_without_an_overlap_the_old_text_ends(call: Call, keyed_server: RunningServer) -> None:
    made = call("create_key", "clinic", Scope)
    assert made.key.scopes == tuple(Scope)
    rotated = call("rotate_key", made.key.key_id)
    time.sleep(1.0)
    assert not is_admitted(keyed_server, made.text)
    assert is_admitted(keyed_server, rotated.text)


def test_plans_are_listed(call: Call) -> None:
    plans = call("list_plans")
    assert Plan("trial", month_pictures=100, minute_requests=60, max_streams=1) in plans
    assert Plan("unlimited", None, None, None) in plans


def test_a_certificate_stands_for_one_key(call: Call) -> None:
    made = call("create_key", "clinic", certificate_name="spiffe://clinic/shell")
    assert made.key.certificate_name == "spiffe://clinic/shell"
    with pytest.raises(InvalidRequestError) as caught:
        call("create_key", "clinic", certificate_name="spiffe://clinic/shell")
    assert (caught.value.code, caught.value.reason) == ("ALREADY_EXISTS", "KEY_EXISTS")
    call("revoke_key", made.key.key_id)


def test_refusals_arrive_as_the_clients_errors(call: Call, keyed_server: RunningServer) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        call("revoke_key", "00000000")
    assert (caught.value.code, caught.value.reason) == ("NOT_FOUND", "KEY_NOT_FOUND")
    with pytest.raises(InvalidRequestError, match="30 days"):
        call("rotate_key", "00000000", overlap_s=31 * 86_400.0)
    plain = call("create_key", "clinic")
    for again in (call_sync, call_async):
        with pytest.raises(AuthenticationError) as refused:
            again(keyed_server.target, plain.text, "list_keys")
        assert (refused.value.code, refused.value.reason) == ("PERMISSION_DENIED", "MISSING_SCOPE")
    assert call("list_keys")
