"""How many fetch at once: one caller's slow servers, or a slow name server, hold up no other."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.fetching.fetcher import Fetcher
from jointtrack_server.fetching.room import FetchRoom
from tests.support.fetching import fetcher_for, refused, settled
from tests.support.hostile import PHOTO, HostileServer, hostile_server, ok, silence


@contextmanager
def slow_server() -> Iterator[HostileServer]:
    with hostile_server({"/slow": silence, "/photo.jpg": ok()}) as server:
        yield server


async def overloaded(fetcher: Fetcher, url: str, owner: str = "") -> JointTrackError:
    with pytest.raises(JointTrackError) as caught:
        await fetcher.fetch(url, owner=owner)
    error = caught.value
    assert error.reason is Reason.OVERLOADED, error.message
    assert error.retry_after_s == 1.0
    for value in error.metadata.values():
        assert value in error.message
    return error


async def cancel(tasks: list["asyncio.Task[bytes]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_caller_gets_half() -> None:
    with slow_server() as server:
        fetcher = fetcher_for(server, max_fetches=4)
        photo, slow = server.url("/photo.jpg"), server.url("/slow")
        greedy = [asyncio.create_task(fetcher.fetch(slow, owner="a")) for _ in range(2)]
        await settled(lambda: server.open == 2)
        error = await overloaded(fetcher, photo, "a")
        assert error.metadata == {"max_fetches": "4", "max_share": "2"}
        assert await fetcher.fetch(photo, owner="b") == PHOTO
        greedy += [asyncio.create_task(fetcher.fetch(slow, owner="b")) for _ in range(2)]
        await settled(lambda: server.open == 4)
        await overloaded(fetcher, photo, "c")
        await cancel(greedy)
        for owner in "abc":
            assert await fetcher.fetch(photo, owner=owner) == PHOTO


async def test_who_may_wait_waits_his_turn() -> None:
    with slow_server() as server:
        fetcher = fetcher_for(server, max_fetches=2)
        first = [asyncio.create_task(fetcher.fetch(server.url("/slow"), owner="a"))]
        await settled(lambda: server.open == 1)
        waiting = [
            asyncio.create_task(
                fetcher.fetch(server.url("/photo.jpg"), owner="a", refuse_when_full=False)
            )
            for _ in range(5)
        ]
        await asyncio.sleep(0.1)
        assert server.targets == ["/slow"]
        await cancel(first)
        assert await asyncio.gather(*waiting) == [PHOTO] * 5


async def test_who_waits_too_long_is_told() -> None:
    with slow_server() as server:
        fetcher = fetcher_for(server, max_fetches=2, timeout_s=2.0)
        slow = server.url("/slow")
        answers = await asyncio.gather(
            *(fetcher.fetch(slow, refuse_when_full=False) for _ in range(3)), return_exceptions=True
        )
        whys = [one.metadata["why"] for one in answers if isinstance(one, JointTrackError)]
        assert whys == ["timeout"] * 3
        assert len(server.targets) < 3
        assert await fetcher.fetch(server.url("/photo.jpg")) == PHOTO


async def test_nothing_is_kept_of_callers_who_have_gone() -> None:
    room = FetchRoom(2)
    for number in range(3):
        async with room.place(f"caller {number}", wait=False):
            assert len(room._shares) == 1
    assert not room._shares


async def test_bad_urls_take_no_room() -> None:
    with slow_server() as server:
        fetcher = fetcher_for(server, max_fetches=1)
        slow = [asyncio.create_task(fetcher.fetch(server.url("/slow")))]
        await settled(lambda: server.open == 1)
        await refused(fetcher, "http://10.0.0.1/", "port_not_allowed")
        await overloaded(fetcher, server.url("/photo.jpg"))
        await cancel(slow)


def lookups() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "jointtrack_dns"]


async def test_lookups_that_nobody_waits_for_still_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """They cannot be cut off: without a bound each would leave a thread behind."""
    go_on, system = threading.Event(), socket.getaddrinfo

    def slow(host: Any, *others: Any, **options: Any) -> Any:
        if host == b"slow.example.org":
            go_on.wait(30)
        return system("127.0.0.1", *others, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with slow_server() as server:
        fetcher = fetcher_for(server, max_fetches=3, timeout_s=5.0)
        url = server.url("/photo.jpg", "slow.example.org")
        gone = [asyncio.create_task(fetcher.fetch(url, owner=owner)) for owner in "abc"]
        await settled(lambda: len(lookups()) == 3)
        await cancel(gone)
        for _ in range(5):
            await overloaded(fetcher, url)
        assert len(lookups()) == 3
        assert await fetcher.fetch(server.url("/photo.jpg")) == PHOTO
        go_on.set()
        await settled(lambda: not lookups())
        assert await fetcher.fetch(server.url("/photo.jpg", "quick.example.org")) == PHOTO


@pytest.mark.parametrize("code", [socket.EAI_AGAIN, socket.EAI_FAIL])
async def test_a_name_server_that_fails(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(code, "10.0.0.53 does not answer")

    with slow_server() as server:
        fetcher = fetcher_for(server)
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", fail)
            error = await refused(fetcher, server.url("/photo.jpg", "a.example.org"), "dns")
        assert "10.0" not in error.message
        assert await fetcher.fetch(server.url("/photo.jpg")) == PHOTO
