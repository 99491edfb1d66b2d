"""One HTTP connection: uvicorn's protocol with bounds of size and time, and whose connection it is.

Nothing in uvicorn or httptools limits a request's head, or the time that it takes to arrive.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.observability.observer import REQUEST_ID_FIELD
from jointtrack_server.observability.request_id import request_id
from jointtrack_server.rest_api.cors import CrossOrigin
from jointtrack_server.rest_api.errors import refusal
from jointtrack_server.rest_api.transport import CarefulTransport

LIVE = "/live"
"""The one path that is a WebSocket."""

_TOO_BIG = 1009
"""WebSocket's close code (RFC 6455, section 7.4.1)."""

Headers = Sequence[tuple[bytes, bytes]]

_HEADER_EXTRA_BYTES = len(": \r\n")
_MAX_PIPELINED = 16
"""Requests that wait for the answer to an earlier one. Callers hardly ever send more than one at a
time, and uvicorn keeps as many as come."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """``timeout_s`` is for a head to arrive, and for an answer to be taken."""

    timeout_s: float
    max_head_bytes: int
    max_connections: int
    max_frame_bytes: int
    """Of a WebSocket message."""


class _RefusedError(Exception):
    """Stops the parser."""


class HttpConnection(HttpToolsProtocol):
    """From ``connection_made`` until ``closed``; somebody calls ``close_if_overdue`` every second.

    The ASGI scope of a TLS connection has ``["extensions"]["tls"]["client_cert_names"]``: the names
    of the verified client certificate, in the order that ``certificate_names`` gives.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        state: ServerState,
        limits: HttpLimits,
        cross_origin: CrossOrigin,
    ) -> None:
        super().__init__(config, state, app_state={})
        self.closed: asyncio.Future[None] = self.loop.create_future()
        self.ws_protocol_class = partial(_LiveConnection, self)  # type: ignore[assignment]
        self._live: _LiveConnection | None = None
        self._limits = limits
        self._cross_origin = cross_origin
        self._certificate_names: tuple[str, ...] = ()
        self._unproductive_bytes = 0
        self._head_due_s: float | None = self._timeout()
        self._unsent_bytes = 0
        self._unsent_due_s = self._timeout()

    @property
    def max_head_bytes(self) -> int:
        return self._limits.max_head_bytes

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.closed.done()

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way, or an answer on its way out."""
        if not self.is_open:
            return False
        in_flight = self._live is not None or (
            self.cycle is not None and not self.cycle.response_complete
        )
        return in_flight or self.transport.get_write_buffer_size() > 0

    def close_if_overdue(self) -> None:
        """Ends a connection that keeps us waiting: for a head, or to take an answer."""
        now_s = self.loop.time()
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes == 0 or unsent_bytes < self._unsent_bytes:
            self._unsent_due_s = self._timeout()
        self._unsent_bytes = unsent_bytes
        if unsent_bytes:
            if now_s > self._unsent_due_s:
                self.transport.abort()
        elif self._head_due_s is not None and now_s > self._head_due_s:
            self._end_silence()

    def _end_silence(self) -> None:
        if self._unproductive_bytes:
            self._refuse(
                JointTrackError(
                    Reason.REQUEST_TIMEOUT,
                    f"The head of the request did not arrive within {self._limits.timeout_s:g} "
                    "seconds. Send it in one go.",
                    metadata={"timeout_s": self._limits.timeout_s},
                )
            )
        else:
            self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, CarefulTransport(transport)))
        self._certificate_names = certificate_names(transport.get_extra_info("peercert"))

    @property
    def tls_extension(self) -> dict[str, dict[object, object]]:
        """What the ASGI scope says of the connection's TLS."""
        if self.scheme != "https":
            return {}
        return {"tls": {"client_cert_names": self._certificate_names}}

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn's timer would hold us after a reset
        if not self.closed.done():
            self.closed.set_result(None)

    def _should_upgrade_to_ws(self) -> bool:
        return self.url.partition(b"?")[0] == LIVE.encode()

    def shutdown(self) -> None:
        """Answers what is under way and closes; a live connection's stream ends by itself."""
        if self._live is None:
            super().shutdown()

    def went_live(self, live: "_LiveConnection") -> None:
        """The connection is a WebSocket from now on; it still ends through ``connection_lost``."""
        self._live = live

    def data_received(self, data: bytes) -> None:
        self._unproductive_bytes += len(data)
        super().data_received(data)
        if self._unproductive_bytes > self._limits.max_head_bytes:
            self._refuse(self._head_too_large(self._unproductive_bytes))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self.tls_extension

    def on_headers_complete(self) -> None:
        self._head_due_s = None
        head_bytes = len(self.url) + sum(
            len(name) + len(value) + _HEADER_EXTRA_BYTES for name, value in self.headers
        )
        if head_bytes > self._limits.max_head_bytes:
            self._refuse(self._head_too_large(head_bytes))
            raise _RefusedError
        if len(self.pipeline) == _MAX_PIPELINED:
            self.transport.close()
            raise _RefusedError
        self._unproductive_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unproductive_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unproductive_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:
            self._head_due_s = self._timeout()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls for bytes that are no HTTP."""
        self._refuse(
            JointTrackError(
                Reason.INVALID_REQUEST, "This is no HTTP request that can be read. Send HTTP/1.1."
            )
        )

    def _refuse(self, error: JointTrackError) -> None:
        """Answers, unless an answer to an earlier request is under way, and closes."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            cross_origin = self._cross_origin.refusal_headers(self._header("origin"))
            headers = (*self.server_state.default_headers, *cross_origin)
            self.transport.write(refusal_bytes(error, headers, self._header(REQUEST_ID_FIELD)))
        self.transport.close()

    def _header(self, name: str) -> str | None:
        """Of the request, as far as it was read."""
        value = dict(self.headers or ()).get(name.encode())
        return value.decode("latin-1") if value is not None else None

    def _head_too_large(self, size_bytes: int) -> JointTrackError:
        limit = self._limits.max_head_bytes
        return JointTrackError(
            Reason.HEAD_TOO_LARGE,
            f"The head of the request has {size_bytes} bytes or more, the limit is {limit}. Send "
            "fewer or shorter headers.",
            metadata={"bytes": size_bytes, "max_bytes": limit},
        )

    def _timeout(self) -> float:
        return self.loop.time() + self._limits.timeout_s


class _LiveConnection(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which takes the transport over from the HTTP connection.

    The first message says who calls, and may be no longer than a head: nobody without a key makes
    the server hold more.
    """

    def __init__(self, opened_by: HttpConnection, **wiring: Any) -> None:  # noqa: ANN401
        super().__init__(**wiring)
        self._opened_by = opened_by
        self._unknown_bytes = 0
        self._has_begun = False
        opened_by.went_live(self)

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated and not self._has_begun:
            self._unknown_bytes += len(data)
        super().data_received(data)
        if not self._has_begun and self._unknown_bytes > self._opened_by.max_head_bytes:
            self._fail(_TOO_BIG)

    def handle_bytes(self, event: Frame) -> None:
        super().handle_bytes(event)
        event.data = b""  # websockets' parser holds the frame until the next one comes

    def handle_cont(self, event: Frame) -> None:
        super().handle_cont(event)
        event.data = b""

    def send_receive_event_to_app(self) -> None:
        self._has_begun = True
        super().send_receive_event_to_app()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._opened_by.connection_lost(exc)

    async def run_asgi(self) -> None:
        self.scope["extensions"] |= self._opened_by.tls_extension
        await super().run_asgi()

    def _fail(self, close_code: int) -> None:
        self.conn.fail(close_code)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()


def certificate_names(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """URIs and DNS names, then the common name, of a certificate as ``SSLSocket.getpeercert`` gives
    it: without any where none was verified."""
    if not certificate:
        return ()
    alternatives = certificate.get("subjectAltName", ())
    subject = [part for parts in certificate.get("subject", ()) for part in parts]
    return (
        *(name for kind, name in alternatives if kind == "URI"),
        *(name for kind, name in alternatives if kind == "DNS"),
        *(name for kind, name in subject if kind == "commonName"),
    )


def refusal_bytes(
    error: JointTrackError, headers: Headers = (), given_id: str | None = None
) -> bytes:
    """A refusal below ASGI, as it goes over the wire; the connection closes after it.

    ``given_id`` is the caller's own X-Request-Id.
    """
    own_id = request_id(given_id)
    response = refusal(error, own_id)
    status = HTTPStatus(response.status_code)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    own = [(b"x-request-id", own_id.encode()), (b"connection", b"close")]
    lines += [name + b": " + value for name, value in (*headers, *response.raw_headers, *own)]
    return b"\r\n".join((*lines, b"", bytes(response.body)))
