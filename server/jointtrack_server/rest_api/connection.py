"""What becomes of a connection whose request or caller is not heard to the end."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ARRIVING_S = 0.05
_LINGER_S = 2.0

_Result = TypeVar("_Result")


async def while_connected(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of ``work``, which is cancelled when the caller hangs up.

    The request's body must have been read. Raises ClientDisconnect.
    """
    working = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(request.receive))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        result = working.result()
        if gone.done():
            raise ClientDisconnect
        return result
    finally:
        gone.cancel()
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class CloseUnread:
    """ASGI middleware: an answer that leaves before its request was read ends the connection.

    Otherwise whoever is refused could go on sending for ever. What is on its way already is thrown
    away, before the answer for a moment, which saves most connections, and after it for a little
    longer: closed at once, the connection would be reset under a caller who still sends, and the
    answer lost.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _has_body(scope):
            exchange = _Exchange(scope, receive, send)
            await self._app(scope, exchange.receive, exchange.send)
        else:
            await self._app(scope, receive, send)


class _Exchange:
    """One request with a body, and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._waits_for_answer = "expect" in Headers(scope=scope)
        self._unread = True
        self._closing = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._unread = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._unread:
            if not self._waits_for_answer:
                await self._throw_away(_ARRIVING_S)
            self._closing = self._unread
            if self._closing:
                MutableHeaders(scope=message)["Connection"] = "close"
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if self._closing and is_last:
            await self._send({**message, "more_body": True})
            await self._throw_away(_LINGER_S)
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _throw_away(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while self._unread:
                    await self.receive()
        except TimeoutError:
            pass


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
