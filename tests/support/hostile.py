"""A picture server that misbehaves as told, on loopback, in a thread of its own."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PHOTO = (Path(__file__).parents[1] / "data/arms_out_front.jpg").read_bytes()
JPEG = "Content-Type: image/jpeg"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request."""


@dataclass(frozen=True)
class Asked:
    """A request as it came in; header names in small letters."""

    target: str
    headers: Mapping[str, str]


@dataclass
class HostileServer:
    """``asked`` is every request, ``connections`` every connection, with or without a request;
    ``open`` are those still open."""

    port: int = 0
    connections: int = 0
    open: int = 0
    asked: list[Asked] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def forget(self) -> None:
        self.connections = 0
        self.asked.clear()

    @property
    def targets(self) -> list[str]:
        return [one.target for one in self.asked]


@contextmanager
def hostile_server(
    answers: Mapping[str, bytes | Talk], tls: ssl.SSLContext | None = None
) -> Iterator[HostileServer]:
    """Answers by path; ``{port}`` in bytes of an answer becomes its own port."""
    told = HostileServer()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.connections += 1
        told.open += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                asked = await _read(reader)
                told.asked.append(asked)
                await _answer(answers[asked.target.partition("?")[0]], reader, writer)
        finally:
            told.open -= 1
            with suppress(ConnectionError, ssl.SSLError):
                writer.close()
                await writer.wait_closed()

    async def _answer(
        answer: bytes | Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if isinstance(answer, bytes):
            writer.write(answer.replace(b"{port}", str(told.port).encode()))
            await writer.drain()
        else:
            await answer(reader, writer)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="hostile server")
    thread.start()
    starting = asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(10)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Asked(first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs})


def ok(body: bytes = PHOTO, *headers: str, length: int | None = None) -> bytes:
    """A sound answer; ``length`` is what its Content-Length says, if not the truth."""
    size = len(body) if length is None else length
    lines = (f"Content-Length: {size}", *(headers or (JPEG,)))
    return head("200 OK", *lines) + body


def head(status: str, *lines: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines)).encode() + b"\r\n\r\n"


def redirect(location: str, status: str = "302 Found") -> bytes:
    return head(status, f"Location: {location}", "Content-Length: 0")


def endless(first: bytes, again: bytes, pause_s: float = 0.0) -> Talk:
    """``first``, then ``again`` until the other side hangs up."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not writer.is_closing():
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return talk


def held_until(event: threading.Event, answer: bytes) -> Talk:
    """Takes the request and answers it when the event is set."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not event.is_set():  # noqa: ASYNC110  # the event is another thread's
            await asyncio.sleep(0.01)
        writer.write(answer)
        await writer.drain()

    return talk


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Takes the request and never answers; ends when the other side hangs up."""
    await reader.read()
