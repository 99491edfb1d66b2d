"""What surrounds every call of our service: request id, metrics, key check, errors as statuses."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn, cast

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

        name = method.rpartition("/")[2]

        async def unary(data: bytes, context: Context) -> Any:  # noqa: ANN401
            request_id, key = _begin(context)
            with self._metrics.request("grpc", name) as observed:
                try:
                    self._check_key(key)
                    return await handler.unary_unary(_parse(parse, data), context)
                except BaseException as error:  # a cancelled call is counted too
                    observed.code = _code(error)
                    await _fail(context, error, request_id)

        async def stream(data: AsyncIterator[bytes], context: Context) -> AsyncIterator[Any]:
            request_id, key = _begin(context)
            with self._metrics.request("grpc", name) as observed:
                try:
                    self._check_key(key)
                    messages = (_parse(parse, one) async for one in data)
                    async for answer in handler.stream_stream(messages, context):
                        yield answer
                except BaseException as error:
                    observed.code = _code(error)
                    await _fail(context, error, request_id)

        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                cast(Any, unary), None, handler.response_serializer
            )
        return grpc.stream_stream_rpc_method_handler(
            cast(Any, stream), None, handler.response_serializer
        )

    def _check_key(self, key: str | None) -> None:
        if self._keys is not None:
            self._keys.check(key)


def request_id_of(context: Context) -> str:
    """The id that the interceptor gave this call."""
    return next(
        str(value) for key, value in context.trailing_metadata() if key == REQUEST_ID_TRAILER
    )


def _begin(context: Context) -> tuple[str, str | None]:
    """The call's request id, which goes back with every answer, and its API key."""
    metadata = {
        key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)
    }
    request_id = request_id_for(metadata.get(REQUEST_ID_TRAILER))
    context.set_trailing_metadata(((REQUEST_ID_TRAILER, request_id),))
    return request_id, metadata.get("x-api-key")


def _code(error: BaseException) -> str:
    """What the call counts as."""
    match error:
        case JointTrackError():
            return error.reason.value
        case Exception():
            return Reason.INTERNAL.value
        case _:
            return "CANCELLED"


async def _fail(context: Context, error: BaseException, request_id: str) -> NoReturn:
    """Ends the call with the status that says what went wrong."""
    if not isinstance(error, Exception):
        raise error
    if not isinstance(error, JointTrackError):
        _LOG.error("A call failed, request id %s", request_id, exc_info=error)
        error = internal_error(request_id)
    await abort(context, error, request_id)


def _parse(parse: Callable[[bytes], Any], data: bytes) -> Any:  # noqa: ANN401
    try:
        return parse(data)
    except DecodeError as error:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            "The message is not the protobuf message that this method takes. Generate the client "
            "from the server's own .proto files.",
        ) from error
