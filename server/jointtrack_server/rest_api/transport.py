"""What HTTP connections write to."""

import asyncio
from typing import Any


class CarefulTransport:
    """A transport to which nothing is written once it goes: uvloop would raise an error between
    that and ``connection_lost``."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._transport, name)
