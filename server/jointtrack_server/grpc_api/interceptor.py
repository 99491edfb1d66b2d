"""What surrounds every call of our service: request id, metrics, key check, errors as statuses."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError

from jointtrack_server.access.keys import KeyStore
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.grpc_api.status import REQUEST_ID_TRAILER, abort, internal_error
from jointtrack_server.observability.metrics import Metrics
from jointtrack_server.observability.request_id import request_id as request_id_for

_LOG = logging.getLogger(__name__)
_OWN_SERVICES = "/jointtrack."

Context = grpc.aio.ServicerContext[Any, Any]


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps the calls of ``jointtrack.*``; health checks and reflection pass untouched.

    Messages are parsed in here, after the key was checked, so that a message that is no protobuf is
    refused with a status like any other bad input.
    """

    def __init__(self, metrics: Metrics, keys: KeyStore | None) -> None:
        self._metrics = metrics
        self._keys = keys

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith(_OWN_SERVICES):
            return handler
        parse = handler.request_deserializer

        async def unary(data: bytes, context: Context) -> Any:  # noqa: ANN401
            async with self._around(context, method):
                return await handler.unary_unary(_parse(parse, data), context)

        async def stream(data: AsyncIterator[bytes], context: Context) -> AsyncIterator[Any]:
            async with self._around(context, method):
                messages = (_parse(parse, one) async for one in data)
                async for answer in handler.stream_stream(messages, context):
                    yield answer

        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                cast(Any, unary), None, handler.response_serializer
            )
        return grpc.stream_stream_rpc_method_handler(
            cast(Any, stream), None, handler.response_serializer
        )

    @asynccontextmanager
    async def _around(self, context: Context, method: str) -> AsyncIterator[None]:
        request_id = request_id_for(_metadata(context).get(REQUEST_ID_TRAILER))
        context.set_trailing_metadata(((REQUEST_ID_TRAILER, request_id),))
        with self._metrics.request("grpc", method.rpartition("/")[2]) as observed:
            try:
                if self._keys is not None:
                    self._keys.check(_metadata(context).get("x-api-key"))
                yield
            except JointTrackError as error:
                observed.code = error.reason.value
                await abort(context, error, request_id)
            except (asyncio.CancelledError, GeneratorExit):
                observed.code = "CANCELLED"
                raise
            except Exception:
                observed.code = Reason.INTERNAL.value
                _LOG.exception("%s failed, request id %s", method, request_id)
                await abort(context, internal_error(request_id), request_id)


def request_id_of(context: Context) -> str:
    """The id that the interceptor gave this call."""
    return next(
        str(value) for key, value in context.trailing_metadata() if key == REQUEST_ID_TRAILER
    )


def _metadata(context: Context) -> dict[str, str]:
    return {
        key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)
    }


def _parse(parse: Callable[[bytes], Any], data: bytes) -> Any:  # noqa: ANN401
    try:
        return parse(data)
    except DecodeError as error:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            "The message is not the protobuf message that this method takes. Generate the client "
            "from the server's own .proto files.",
        ) from error
