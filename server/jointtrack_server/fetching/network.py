"""Connections to checked addresses only, for httpcore."""
# ruff: noqa: ASYNC109  # the timeouts are httpcore's

import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore

from jointtrack_server.fetching.addresses import Address
from jointtrack_server.fetching.refusals import Why

_MAX_ADDRESSES = 4
"""Tried one after the other: names may have any number."""
_PATIENCE_S = 2.0
"""For each of several addresses but the last."""
_READ_BYTES = 16 * 1024
_MAX_HEAD_BYTES = 64 * 1024


class PinnedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the given addresses, whatever the name has become since.

    ``stage`` is what would have failed if the exchange failed now.
    """

    def __init__(self, addresses: tuple[Address, ...]) -> None:
        self._addresses = [str(address) for address in addresses[:_MAX_ADDRESSES]]
        self._network = httpcore.AnyIOBackend()
        self._stream: httpcore.AsyncNetworkStream | None = None
        self._head_bytes = 0
        self.stage = Why.CONNECT
        self.head_is_read = False

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        *first, last = self._addresses
        for address in first:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                self._stream = await self._network.connect_tcp(address, port, _PATIENCE_S)
                return self.connected(self._stream)
        self._stream = await self._network.connect_tcp(last, port, timeout)
        return self.connected(self._stream)

    async def aclose(self) -> None:
        """Whatever became of the exchange: httpcore leaves a handshake that was cut off open."""
        if self._stream is not None:
            await self._stream.aclose()

    def connected(self, stream: httpcore.AsyncNetworkStream) -> "_Stream":
        self.stage = Why.PROTOCOL
        return _Stream(stream, self)

    def count(self, size_bytes: int) -> None:
        """Interim answers (status 1xx) may come in any number: they count as head too."""
        if not self.head_is_read:
            self._head_bytes += size_bytes
            if self._head_bytes > _MAX_HEAD_BYTES:
                raise httpcore.RemoteProtocolError("head too long")


class _Stream(httpcore.AsyncNetworkStream):
    """Reads little at a time, so that the event loop comes to others in between."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, network: PinnedNetwork) -> None:
        self._stream = stream
        self._network = network

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(min(max_bytes, _READ_BYTES), timeout)
        self._network.count(len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self._network.stage = Why.TLS
        return self._network.connected(
            await self._stream.start_tls(ssl_context, server_hostname, timeout)
        )

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401
        return self._stream.get_extra_info(info)
