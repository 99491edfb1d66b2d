"""A light load: callers that send ready-made bytes and do not look at the answers.

Its own CPU time is measured beside the server's: on one machine they share the cores.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import uvloop

from bench.bare import Pace
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2

MAX_CONNECTIONS = 4
IMPATIENT_S = 0.1
"""How long a refused caller waits who does not do as told: a tenth of what the server asks for."""
_PUSHBACK = "grpc-retry-pushback-ms"
DETECT = "/jointtrack.v1.JointTrackService/Detect"
STREAM = "/jointtrack.v1.JointTrackService/StreamDetect"
MEASURE = "/jointtrack.v1.JointTrackService/Measure"


@dataclass(frozen=True, slots=True)
class Load:
    """``callers`` that each send the next message when the last one is answered.

    ``kind`` is "unary", "stream" (with ``in_flight`` frames each) or "http". A refused unary call
    is sent again when the server allows it, or after ``IMPATIENT_S``.
    """

    kind: str
    target: str
    path: str
    message: bytes
    callers: int
    frame: bytes = b""
    in_flight: int = 4
    is_impatient: bool = False


@dataclass(slots=True)
class Tally:
    """What came of it; ``refused`` counts the status codes of calls that failed."""

    latencies_ms: list[float] = field(default_factory=list)
    gaps_ms: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)

    def refuse(self, code: str) -> None:
        self.refused[code] = self.refused.get(code, 0) + 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """``pace`` is of what was answered, with the load's own CPU time; ``gaps_ms`` lie between the
    answers of a stream."""

    pace: Pace
    refused: dict[str, int]
    gaps_ms: list[float]


def run(load: Load, seconds: float) -> Outcome:
    """Runs the load; called in a process of its own."""
    return uvloop.run(_run(load, seconds))


async def _run(load: Load, seconds: float) -> Outcome:
    tally = Tally()
    connect = _CONNECTIONS[load.kind]
    connections = [connect(load) for _ in range(min(load.callers, MAX_CONNECTIONS))]
    cpu, began = time.process_time(), time.perf_counter()
    end = began + seconds
    await asyncio.gather(
        *(
            connections[number % len(connections)].call_until(end, tally)
            for number in range(load.callers)
        )
    )
    elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    for connection in connections:
        await connection.close()
    done = len(tally.latencies_ms)
    pace = Pace(done / elapsed, cpu * 1000.0 / max(done, 1), tally.latencies_ms)
    return Outcome(pace, tally.refused, tally.gaps_ms)


class _Unary:
    """Calls over one gRPC connection."""

    def __init__(self, load: Load) -> None:
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        ]
        self.load = load
        self.channel = grpc.aio.insecure_channel(load.target, options=options)

    async def call_until(self, end: float, tally: Tally) -> None:
        call: Any = self.channel.unary_unary(self.load.path)
        while (started := time.perf_counter()) < end:
            try:
                await call(self.load.message)
            except grpc.aio.AioRpcError as error:
                tally.refuse(error.code().name)
                await asyncio.sleep(min(self._pause_s(error), end - time.perf_counter()))
            else:
                tally.latencies_ms.append((time.perf_counter() - started) * 1000.0)

    def _pause_s(self, error: grpc.aio.AioRpcError) -> float:
        trailers = dict(error.trailing_metadata() or ())
        if self.load.is_impatient or _PUSHBACK not in trailers:
            return IMPATIENT_S
        return float(trailers[_PUSHBACK]) / 1000.0

    async def close(self) -> None:
        await self.channel.close()


class _Stream(_Unary):
    """Streams over one gRPC connection."""

    async def call_until(self, end: float, tally: Tally) -> None:
        call: Any = self.channel.stream_stream(self.load.path)()
        await call.write(self.load.message)
        sent: list[float] = []
        room = asyncio.Semaphore(self.load.in_flight)
        reading = asyncio.create_task(self._read(call, sent, room, tally))
        reading.add_done_callback(lambda _: room.release())
        while time.perf_counter() < end:
            await room.acquire()
            if reading.done():
                break
            number = service_pb2.Frame(sequence_id=len(sent))
            sent.append(time.perf_counter())
            # Parts of one message that follow each other are merged (protobuf's wire format).
            numbered = service_pb2.StreamDetectRequest(frame=number).SerializeToString()
            await call.write(numbered + self.load.frame)
        if not reading.done():
            await call.done_writing()
        try:
            await reading
        except grpc.aio.AioRpcError as error:
            tally.refuse(error.code().name)

    async def _read(
        self,
        call: "grpc.aio.StreamStreamCall[bytes, Any]",
        sent: list[float],
        room: asyncio.Semaphore,
        tally: Tally,
    ) -> None:
        last, number = None, 0
        while await call.read() is not grpc.aio.EOF:
            now = time.perf_counter()
            tally.latencies_ms.append((now - sent[number]) * 1000.0)
            number += 1
            if last is not None:
                tally.gaps_ms.append((now - last) * 1000.0)
            last = now
            room.release()


class _Http:
    """HTTP/1.1 with keep-alive, one connection a caller, as little of it as will do."""

    def __init__(self, load: Load) -> None:
        self.load = load

    async def call_until(self, end: float, tally: Tally) -> None:
        host, port = self.load.target.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        while (started := time.perf_counter()) < end:
            writer.write(self.load.message)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_content_length(head))
            status = head.split(b" ", 2)[1].decode()
            if status == "200":
                tally.latencies_ms.append((time.perf_counter() - started) * 1000.0)
            else:
                tally.refuse(status)
        writer.close()

    async def close(self) -> None:
        """Each caller closed its own."""


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("the answer has no content-length")


_CONNECTIONS: dict[str, Callable[[Load], _Unary | _Http]] = {
    "unary": _Unary,
    "stream": _Stream,
    "http": _Http,
}
