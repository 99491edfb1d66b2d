"""What surrounds every HTTP request: its id, its count and time, and an answer to the unexpected.

Plain ASGI, so that a streamed body, a cancelled request and the caller's disconnect pass through.
"""

import asyncio
import logging
from collections.abc import Collection
from ipaddress import ip_address

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.observability.codes import CANCELLED
from jointtrack_server.observability.observer import REQUEST_ID_FIELD, Called, Observer
from jointtrack_server.rest_api.errors import internal_error, refuse

_LOG = logging.getLogger(__name__)
_OTHER_PATH = "other"
_OTHER_METHOD = "_OTHER"
_METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
"""As OpenTelemetry's conventions want them: others are one."""


class Observe:
    """ASGI middleware. ``paths`` are counted by name, whatever else is asked for as "other";
    ``unlogged`` of them, which machines ask for all the time, are neither logged nor traced."""

    def __init__(
        self,
        app: ASGIApp,
        observer: Observer,
        paths: Collection[str],
        unlogged: Collection[str],
    ) -> None:
        self._app = app
        self._observer = observer
        self._paths = frozenset(paths)
        self._unlogged = frozenset(unlogged)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        path = scope["path"] if scope["path"] in self._paths else _OTHER_PATH
        method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
        with self._observer.request(
            "http",
            path,
            request.headers,
            called=None if path in self._unlogged else called_of(method, scope["scheme"], path),
            peer=address(scope),
        ) as observed:
            request.state.observed = observed
            observed.http_method = method
            try:
                await self._answer(request, send)
            except ClientDisconnect:
                observed.code = CANCELLED

    async def _answer(self, request: Request, send: Send) -> None:
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                request.state.observed.http_status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_FIELD] = request.state.observed.id
            await send(message)

        try:
            await self._app(request.scope, request.receive, send_with_id)
        except ClientDisconnect:
            raise
        except asyncio.CancelledError:  # by the door, whose time to stop is up
            response = refuse(request, _cut_off())
        except Exception:
            _LOG.exception("A request failed")
            response = refuse(request, internal_error())
        else:
            return
        if not started:
            await response(request.scope, request.receive, send_with_id)


def address(scope: Scope) -> str:
    """Of the other end; behind a proxy that uvicorn trusts (FORWARDED_ALLOW_IPS) what that says,
    if it is an address: the header may hold anything."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        return str(ip_address(host))
    except ValueError:
        return ""


def called_of(method: str, scheme: str, path: str) -> Called:
    """How a span says it; what is no path of ours may hold anything, and is left out."""
    attributes = {"http.request.method": method, "url.scheme": scheme}
    name = "HTTP" if method == _OTHER_METHOD else method
    if path == _OTHER_PATH:
        return Called(name, attributes)
    return Called(f"{name} {path}", attributes | {"http.route": path, "url.path": path})


def _cut_off() -> JointTrackError:
    return JointTrackError(
        Reason.SERVER_DRAINING,
        "The server stops, and the request took longer than it waits for. Send it again.",
    )
