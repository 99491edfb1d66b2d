"""A fetcher that may reach one hostile server on loopback, and nothing else that is not public."""

import asyncio
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.fetching.addresses import Address
from jointtrack_server.fetching.fetcher import Fetcher
from jointtrack_server.fetching.rules import FetchRules
from tests.support.hostile import PHOTO, HostileServer, Talk, hostile_server, ok

MAX_BYTES = 300_000
LOOPBACK = (ip_network("127.0.0.1/32"),)


def fetcher_for(server: HostileServer, lookup: Any = None, **rules: Any) -> Fetcher:
    """May reach 127.0.0.1 at the server's port; 127.0.0.2 and others stay forbidden."""
    rules = {"max_bytes": MAX_BYTES, "networks": LOOPBACK, "ports": (server.port,), **rules}
    return Fetcher(FetchRules(**rules), lookup)


async def refused(fetcher: Fetcher, url: str, why: str) -> JointTrackError:
    """The error of a fetch that must fail so."""
    with pytest.raises(JointTrackError) as caught:
        await fetcher.fetch(url)
    error = caught.value
    assert error.reason is Reason.IMAGE_FETCH_FAILED, error.message
    assert error.metadata["why"] == why, error.message
    assert error.field == "image"
    assert error.message.endswith(".")
    for value in (str(part) for key, part in error.metadata.items() if key != "why"):
        assert value in error.message
    return error


def names(**addresses: str) -> Callable[[str, int], Any]:
    """A lookup that knows these names only; several addresses of one are parted by blanks."""

    async def lookup(host: str, port: int) -> tuple[Address, ...]:
        key = host.replace(".", "_").replace("-", "_")
        return tuple(ip_address(one) for one in addresses[key].split())

    return lookup


async def fetches(server: HostileServer, fetcher: Fetcher) -> bool:
    return await fetcher.fetch(server.url("/photo.jpg")) == PHOTO


async def attacked(answer: bytes | Talk, why: str, **rules: Any) -> tuple[str, HostileServer]:
    """The message of a fetch that such an answer must make fail."""
    with hostile_server({"/bad": answer, "/photo.jpg": ok()}) as server:
        fetcher = fetcher_for(server, **rules)
        error = await refused(fetcher, server.url("/bad"), why)
        await settled(lambda: server.open == 0)
        assert await fetches(server, fetcher)
        return error.message, server


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come to that"
        time.sleep(0.01)
