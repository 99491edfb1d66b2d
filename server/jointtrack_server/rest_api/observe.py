"""What surrounds every HTTP request: its id, its count and time, and an answer to the unexpected.

Plain ASGI, so that a streamed body, a cancelled request and the caller's disconnect pass through.
"""

import asyncio
import logging
from collections.abc import Collection

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.observability.metrics import Metrics
from jointtrack_server.observability.request_id import request_id
from jointtrack_server.rest_api.errors import refuse

REQUEST_ID_HEADER = "X-Request-Id"

_LOG = logging.getLogger(__name__)
_CANCELLED = "CANCELLED"
_OTHER_PATH = "other"


class Observe:
    """ASGI middleware. ``paths`` are counted by name, whatever else is asked for as "other"."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        request.state.request_id = request_id(request.headers.get(REQUEST_ID_HEADER))
        path = scope["path"] if scope["path"] in self._paths else _OTHER_PATH
        with self._metrics.request("http", path) as observed:
            request.state.observed = observed
            try:
                await self._answer(request, send)
            except ClientDisconnect:
                observed.code = _CANCELLED
            except asyncio.CancelledError:
                observed.code = _CANCELLED
                raise

    async def _answer(self, request: Request, send: Send) -> None:
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request.state.request_id
            await send(message)

        try:
            await self._app(request.scope, request.receive, send_with_id)
        except ClientDisconnect:
            raise
        except Exception:
            _LOG.exception("%s failed, request id %s", request.url.path, request.state.request_id)
            if not started:
                response = refuse(request, _internal_error())
                await response(request.scope, request.receive, send_with_id)


def _internal_error() -> JointTrackError:
    return JointTrackError(
        Reason.INTERNAL, "The server failed. Report the request id to its operator."
    )
