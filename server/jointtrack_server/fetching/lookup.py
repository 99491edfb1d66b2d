"""Host names to addresses, by the system's resolver, which blocks."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from ipaddress import ip_address

from jointtrack_server.errors import JointTrackError
from jointtrack_server.fetching.addresses import Address
from jointtrack_server.fetching.refusals import Why, fetch_failed

Lookup = Callable[[str, int], Awaitable[tuple[Address, ...]]]
"""Host and port to addresses, empty if there are none; raises JointTrackError."""

_UNKNOWN = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


class SystemLookup:
    """At most ``max_lookups`` at once, those that nobody waits for any more among them.

    A lookup cannot be cut off, and a slow name server takes half a minute of its thread. On the
    event loop's own few threads, two such names would hold up everybody else's.
    """

    def __init__(self, max_lookups: int, busy: Callable[[], JointTrackError]) -> None:
        self._room = threading.BoundedSemaphore(max_lookups)
        self._busy = busy

    async def __call__(self, host: str, port: int) -> tuple[Address, ...]:
        if not self._room.acquire(blocking=False):
            raise self._busy()
        answer: Future[tuple[Address, ...]] = Future()
        answer.set_running_or_notify_cancel()
        # A daemon: the process may end while a name server is still silent.
        threading.Thread(
            target=self._look_up, args=(host, port, answer), name="jointtrack_dns", daemon=True
        ).start()
        try:
            return await asyncio.wrap_future(answer)
        except OSError as error:
            if isinstance(error, socket.gaierror) and error.errno in _UNKNOWN:
                return ()
            raise fetch_failed(
                Why.DNS, f'"{host}" cannot be looked up now. Try again later.', host=host
            ) from error

    def _look_up(self, host: str, port: int, answer: "Future[tuple[Address, ...]]") -> None:
        try:
            # As bytes: no codec that turns look-alikes of digits into digits.
            found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
            answer.set_result(tuple({ip_address(one[4][0]): None for one in found}))
        except BaseException as error:  # whatever it is, it is the caller's
            answer.set_exception(error)
        finally:
            self._room.release()
