"""Server reflection, v1 and v1alpha: generic tools list, describe and call the services.

grpcio-reflection answers; it ships v1alpha only, and v1 is the same but for its name.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import grpc
from google.protobuf import text_format
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from jointtrack_server.grpc_api.keyless import Context, KeylessCalls, parse, refuse

V1ALPHA: str = reflection.SERVICE_NAME
V1 = V1ALPHA.replace("v1alpha", "v1")

MAX_CALLS = 8
"""At once, of all callers: each may hold a message of ``max_message_bytes``."""
IDLE_S = 60.0

Request = reflection_pb2.ServerReflectionRequest

_METHOD = "ServerReflectionInfo"


class Reflection:
    """Of the services in ``files`` and itself; knows no others."""

    def __init__(self, files: Sequence[FileDescriptor], calls: KeylessCalls) -> None:
        services = [one.full_name for file in files for one in file.services_by_name.values()]
        pool = _pool((*files, error_details_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR))
        self._answers = reflection.aio.ReflectionServicer((*services, V1, V1ALPHA), _Symbols(pool))
        self._calls = calls
        self._open = 0
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Calls end after the answer under way."""
        self._ended.set()

    def handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        method: Any = grpc.stream_stream_rpc_method_handler(
            self._info,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        return tuple(
            grpc.method_handlers_generic_handler(service, {_METHOD: method})
            for service in (V1, V1ALPHA)
        )

    async def _info(self, _: AsyncIterator[bytes], context: Context) -> AsyncIterator[Any]:
        if self._open >= MAX_CALLS:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"The server answers {MAX_CALLS} reflection calls at once. Try again later.",
            )
        self._open += 1
        try:
            async with self._calls.admitted(context):
                requests = self._requests(context)
                async for answer in self._answers.ServerReflectionInfo(requests, context):
                    yield answer
        finally:
            self._open -= 1

    async def _requests(self, context: Context) -> AsyncIterator[Any]:
        """Until the caller is done or silent, or the server stops."""
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            while True:
                read = asyncio.ensure_future(context.read())
                await asyncio.wait(
                    (read, ended), timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED
                )
                if not read.done():
                    read.cancel()
                    return
                if read.result() is grpc.aio.EOF:
                    return
                request = parse(read.result(), Request)
                del read  # holds the message
                yield request or await refuse(context, Request)
        finally:
            ended.cancel()


class _Symbols:
    """A pool that also finds methods by name: grpcurl asks for them."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            return self._pool.FindMethodByName(symbol).containing_service.file

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._pool, name)


def _pool(files: Iterable[FileDescriptor]) -> DescriptorPool:
    pool = DescriptorPool()
    added: set[str] = set()

    def add(file: FileDescriptor) -> None:
        if file.name not in added:
            added.add(file.name)
            for dependency in file.dependencies:
                add(dependency)
            pool.AddSerializedFile(file.serialized_pb)

    for file in files:
        add(file)
    pool.AddSerializedFile(_v1_file().SerializeToString())
    return pool


def _v1_file() -> FileDescriptorProto:
    v1alpha, v1 = FileDescriptorProto(), FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(v1alpha)
    return text_format.Parse(text_format.MessageToString(v1alpha).replace("v1alpha", "v1"), v1)
