"""grpc.health.v1: whether calls are answered; asked, listed or watched, and without a key.

Not grpcio-health-checking's servicer: with it a watcher who takes no answer blocks the server's
stop for ever, and any other holds it up for its whole grace.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from jointtrack_server.grpc_api.keyless import Context, KeylessCalls

SERVICE_NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

WHOLE_SERVER = ""

Answer = health_pb2.HealthCheckResponse


class Health:
    """NOT_SERVING until ``serve``, and again from ``end`` on; all services have one state."""

    def __init__(self, services: Iterable[str], calls: KeylessCalls) -> None:
        self._services = (WHOLE_SERVER, *services)
        self._calls = calls
        self._answer = Answer(status=Answer.NOT_SERVING)
        self._has_ended = False
        self._changed = asyncio.Event()

    def serve(self) -> None:
        self._change(Answer.SERVING)

    def end(self) -> None:
        """Watchers are told, and then their calls end: open ones would hold up the stop."""
        self._has_ended = True
        self._change(Answer.NOT_SERVING)

    def handler(self) -> grpc.GenericRpcHandler:
        """Calls with one message are streams of one, the same on the wire: gRPC would read it
        before anybody is asked."""
        methods: dict[str, Any] = {
            "Check": _with_one_answer(self._check),
            "Watch": grpc.stream_stream_rpc_method_handler(
                self._watch, response_serializer=_serialized
            ),
        }
        if hasattr(health_pb2, "HealthListRequest"):  # newer than the oldest package we run with
            methods["List"] = _with_one_answer(self._list)
        return grpc.method_handlers_generic_handler(SERVICE_NAME, methods)

    def _change(self, status: int) -> None:
        self._answer = Answer(status=status)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _check(self, _: AsyncIterator[bytes], context: Context) -> Any:  # noqa: ANN401
        async with self._calls.admitted(context):
            request = await self._calls.read(context, health_pb2.HealthCheckRequest)
            if request.service not in self._services:
                await context.abort(
                    grpc.StatusCode.NOT_FOUND,
                    "The server has no service of this name. List says which it has.",
                )
            return self._answer

    async def _list(self, _: AsyncIterator[bytes], context: Context) -> Any:  # noqa: ANN401
        async with self._calls.admitted(context):
            await self._calls.read(context, health_pb2.HealthListRequest)
            statuses = dict.fromkeys(self._services, self._answer)
            return health_pb2.HealthListResponse(statuses=statuses)

    async def _watch(self, _: AsyncIterator[bytes], context: Context) -> AsyncIterator[Any]:
        async with self._calls.admitted(context):
            request = await self._calls.read(context, health_pb2.HealthCheckRequest)
            is_known = request.service in self._services
            while not self._has_ended:
                changed = self._changed
                yield self._answer if is_known else Answer(status=Answer.SERVICE_UNKNOWN)
                await changed.wait()
            if is_known:
                yield self._answer
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The server stops.")


def _with_one_answer(method: Any) -> Any:  # noqa: ANN401
    return grpc.stream_unary_rpc_method_handler(method, response_serializer=_serialized)


def _serialized(answer: Any) -> bytes:  # noqa: ANN401
    return bytes(answer.SerializeToString())
