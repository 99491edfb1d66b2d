"""Live mode: frames over a WebSocket into the same streams as StreamDetect's.

The first message is JSON text: the API key and what to measure, in the words of POST /detect. Every
binary message after it is a frame, the text {"end": true} the end; each frame has one JSON answer.
"""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from jointtrack_server.access.caller import Caller, Scope
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.motion.one_euro import SmoothingSettings
from jointtrack_server.observability.codes import CANCELLED
from jointtrack_server.observability.facts import count_frame, facts_of_stream
from jointtrack_server.observability.observer import ObservedRequest
from jointtrack_server.pipeline.frames import (
    DEFAULT_MAX_IN_FLIGHT,
    Overflow,
    StreamFrame,
    StreamOptions,
)
from jointtrack_server.pipeline.incoming import Converted, first_message
from jointtrack_server.pipeline.options import Detection
from jointtrack_server.pipeline.session import StreamSession
from jointtrack_server.rest_api.cors import CrossOrigin
from jointtrack_server.rest_api.entry import enter
from jointtrack_server.rest_api.errors import internal_error, refusal
from jointtrack_server.rest_api.fields import Fields
from jointtrack_server.rest_api.json_body import read_json
from jointtrack_server.rest_api.live_messages import error_text, to_frame, to_text
from jointtrack_server.rest_api.observe import address, called_of
from jointtrack_server.rest_api.parsing import choice, one_text, parse_options
from jointtrack_server.rest_api.protocol import LIVE
from jointtrack_server.rest_api.services import RestServices

_OVERFLOWS: Mapping[str, Overflow] = {overflow.value: overflow for overflow in Overflow}

_LOG = logging.getLogger(__name__)

_OK, _GOING_AWAY, _REFUSED, _FAILED = 1000, 1001, 1008, 1011
"""Close codes (RFC 6455, section 7.4.1)."""

_MAX_END_CHARACTERS = 100
"""A text that is longer says nothing that is known, and may take long to parse."""


def add_live(app: Starlette, services: RestServices) -> None:
    """Adds the WebSocket route."""

    async def live(socket: WebSocket) -> None:
        with services.observer.request(
            "http",
            LIVE,
            socket.headers,
            called=called_of("GET", socket.scope["scheme"], LIVE),
            peer=address(socket.scope),
            is_stream=True,
        ) as observed:
            await _Live(socket, services, observed).run()

    app.router.routes.append(WebSocketRoute(LIVE, live))


@dataclass(frozen=True, slots=True)
class _Live:
    """One connection."""

    socket: WebSocket
    services: RestServices
    observed: ObservedRequest

    async def run(self) -> None:
        """Answers until either side ends it."""
        try:
            await self._serve()
        except WebSocketDisconnect:
            self.observed.code = CANCELLED
        except JointTrackError as error:
            await self._refuse(error)
        except Exception:
            _LOG.exception("A live connection failed")
            await self._refuse(internal_error())

    async def _serve(self) -> None:
        _check_origin(self.socket, self.services.cross_origin)
        await self.socket.accept()
        limits, draining = self.services.stream_limits, self.services.draining
        messages = _Received(self.socket)
        first = await first_message(messages, draining, self.services.timeout_s)
        if first is None:
            return
        fields = _read_config(first, self.services)
        key = one_text(fields, "apiKey")
        caller = await enter(self.services.gate, self.socket, self.observed, key, Scope.STREAM)
        overflow = choice(fields, "overflow", _OVERFLOWS, Overflow.LATEST, Reason.INVALID_REQUEST)
        options = StreamOptions(
            parse_options(fields, self.services.max_people),
            SmoothingSettings(),
            overflow,
            DEFAULT_MAX_IN_FLIGHT[overflow],
        )
        session = StreamSession(
            self.services.pipeline,
            self.services.runner,
            options,
            draining=draining,
            limits=limits,
            trace=self.observed.trace,
        )
        self.observed.facts |= facts_of_stream(options.detect)
        with self.services.gate.open_stream(caller):
            await self._answer(session, Converted(messages, _to_frame), caller)
        await self.socket.close(_OK)

    async def _answer(
        self, session: StreamSession, frames: AsyncIterator[StreamFrame], caller: Caller
    ) -> None:
        async with aclosing(session.run(frames)) as answers:
            async for answer in answers:
                self.services.observer.metrics.frames.count(answer)
                count_frame(self.observed.facts, answer)
                if isinstance(answer.outcome, Detection):
                    await self.services.gate.charge(caller)
                text, _ = await self.services.runner.run(
                    partial(to_text, answer, self.observed.id), refuse_when_full=False
                )
                await self.socket.send_text(text)

    async def _refuse(self, error: JointTrackError) -> None:
        self.observed.code = error.reason.value
        with suppress(WebSocketDisconnect, RuntimeError):  # the caller may have gone
            if self.socket.application_state is WebSocketState.CONNECTING:
                await self.socket.send_denial_response(refusal(error, self.observed.id))
                return
            await self.socket.send_text(error_text(error, self.observed.id))
            await self.socket.close(_close_code(error.reason))


@dataclass(frozen=True, slots=True)
class _Received:
    """What comes; no generator, so that reading it can be given up at any moment."""

    socket: WebSocket

    def __aiter__(self) -> "_Received":
        return self

    async def __anext__(self) -> str | bytes:
        """Raises WebSocketDisconnect."""
        message = await self.socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", _GOING_AWAY))
        data: str | bytes | None = message.get("bytes")
        return str(message["text"]) if data is None else data


def _to_frame(message: str | bytes) -> StreamFrame:
    """Raises StopAsyncIteration when the caller says that it was all, and JointTrackError
    INVALID_REQUEST."""
    if isinstance(message, bytes):
        return to_frame(message)
    if _is_end(message):
        raise StopAsyncIteration
    raise JointTrackError(
        Reason.INVALID_REQUEST,
        'A text after the first is not {"end": true}. Send frames as binary messages.',
    )


def _is_end(message: str) -> bool:
    if len(message) > _MAX_END_CHARACTERS:
        return False
    try:
        return bool(json.loads(message) == {"end": True})
    except ValueError:
        return False


def _read_config(message: str | bytes, services: RestServices) -> Fields:
    if isinstance(message, bytes):
        raise JointTrackError(
            Reason.MISSING_STREAM_CONFIG,
            "The first message is no text. Send what to measure as JSON first, then frames.",
        )
    return read_json(message.encode(), services.limits)


def _check_origin(socket: WebSocket, allowed: CrossOrigin) -> None:
    """A page from elsewhere may not use the callers' browsers: they send no key, but where none is
    asked for, or a client certificate stands for it, they would be let in."""
    origin, host = socket.headers.get("origin"), socket.headers.get("host", "")
    if origin is None or urlsplit(origin).netloc.lower() == host.lower():
        return
    if not allowed.allows(origin):
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"The page is from {origin}, this server is {host}. Open the server's own page, or let "
            "its operator allow the other one (JOINTTRACK_CORS_ORIGINS).",
            metadata={"origin": origin, "host": host},
        )


def _close_code(reason: Reason) -> int:
    match reason:
        case Reason.SERVER_DRAINING:
            return _GOING_AWAY
        case Reason.INTERNAL:
            return _FAILED
        case _:
            return _REFUSED
