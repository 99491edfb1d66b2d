"""Slow servers, deadlines, and callers who go."""

import asyncio
import time

import pytest

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.fetching.addresses import Address
from tests.support.fetching import (
    attacked,
    fetcher_for,
    fetches,
    refused,
    settled,
)
from tests.support.hostile import (
    JPEG,
    Talk,
    endless,
    head,
    hostile_server,
    ok,
    silence,
)

SLOW: dict[str, Talk] = {
    "silence": silence,
    "head": endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", pause_s=0.05),
    "drip": endless(head("200 OK", JPEG, "Content-Length: 9000"), b"x", pause_s=0.05),
    "interim": endless(b"", head("100 Continue"), pause_s=0.05),
}


@pytest.mark.parametrize("case", SLOW)
async def test_a_slow_server_is_cut_off(case: str) -> None:
    message, _ = await attacked(SLOW[case], "timeout", timeout_s=2.0)
    assert "within 2 s" in message


async def test_the_callers_deadline_counts_too() -> None:
    with hostile_server({"/bad": silence, "/photo.jpg": ok()}) as server:
        fetcher = fetcher_for(server, timeout_s=60.0)
        for path, deadline_s in (("/bad", time.monotonic() + 0.5), ("/photo.jpg", 0.0)):
            with pytest.raises(JointTrackError) as caught:
                await fetcher.fetch(server.url(path), deadline_s=deadline_s)
            assert caught.value.reason is Reason.DEADLINE_EXCEEDED
        assert server.targets == ["/bad"]
        await settled(lambda: server.open == 0)
        assert await fetches(server, fetcher)


async def test_a_slow_lookup_is_cut_off() -> None:
    async def lookup(host: str, port: int) -> tuple[Address, ...]:
        await asyncio.sleep(3600)
        return ()

    with hostile_server({"/photo.jpg": ok()}) as server:
        fetcher = fetcher_for(server, lookup, timeout_s=2.0)
        await refused(fetcher, server.url("/photo.jpg", "slow.org"), "timeout")
        assert await fetches(server, fetcher)


async def test_nobody_is_there() -> None:
    with hostile_server({}) as server:
        url = server.url("/photo.jpg")
    error = await refused(fetcher_for(server), url, "connect")
    assert error.message.startswith('"127.0.0.1" cannot be reached')


async def test_a_caller_who_goes_takes_the_connection_with_him() -> None:
    with hostile_server({"/bad": silence, "/photo.jpg": ok()}) as server:
        fetcher = fetcher_for(server)
        fetching = asyncio.create_task(fetcher.fetch(server.url("/bad")))
        await settled(lambda: server.targets == ["/bad"])
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await settled(lambda: server.open == 0)
        assert await fetches(server, fetcher)
