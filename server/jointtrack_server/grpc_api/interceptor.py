"""What surrounds every call of our services: request id, metrics, access, errors as statuses."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NoReturn, cast

import grpc
from google.protobuf.message import DecodeError

from jointtrack_server.access.caller import Caller
from jointtrack_server.access.gate import Gate
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.grpc_api.methods import METHODS, Method
from jointtrack_server.grpc_api.peer import address, certificate_names
from jointtrack_server.grpc_api.status import abort, internal_error
from jointtrack_server.observability.codes import CANCELLED
from jointtrack_server.observability.observer import (
    CURRENT,
    REQUEST_ID_FIELD,
    Called,
    ObservedRequest,
    Observer,
)
from jointtrack_server.pipeline.runner import OWNER, Runner
from jointtrack_server.pipeline.stages import Stage

_LOG = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]

KEY_FIELD = "x-api-key"


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps the calls of ``METHODS``; health checks and reflection pass untouched.

    A message is read and parsed in here, after its caller was let in: nobody without a key makes
    the server hold a picture, an overloaded server reads none, and a message that is no protobuf is
    refused with a status like any other bad input.
    """

    def __init__(self, observer: Observer, gate: Gate, runner: Runner) -> None:
        self._observer = observer
        self._gate = gate
        self._runner = runner
        self._wrapped: dict[str, Any] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401
        path = handler_call_details.method
        if path in self._wrapped:
            return self._wrapped[path]
        handler = await continuation(handler_call_details)
        if handler is None or path not in METHODS:
            return handler
        self._wrapped[path] = self._wrap(handler, path, METHODS[path])
        return self._wrapped[path]

    def _wrap(self, handler: Any, path: str, method: Method) -> Any:  # noqa: ANN401
        parse = handler.request_deserializer
        name, called = path.rpartition("/")[2], _called(path)

        async def unary(_messages: AsyncIterator[bytes], context: Context) -> Any:  # noqa: ANN401
            metadata = _text_metadata(context)
            with self._observer.request(
                "grpc", name, metadata, called=called, peer=address(context)
            ) as observed:
                _name(context, observed)
                try:
                    caller = await self._enter(context, metadata.get(KEY_FIELD), method)
                    with Stage("receive"):
                        data = await context.read()
                    answering = handler.unary_unary(_parse(parse, data), context)
                    del data  # it holds the picture a second time
                    response = await answering
                    if method.counts(response):
                        await self._gate.charge(caller)
                except BaseException as error:  # a cancelled call is counted too
                    observed.code = _code(error)
                    await _fail(context, error, observed.id)
                else:
                    return response

        async def stream(_messages: AsyncIterator[bytes], context: Context) -> AsyncIterator[Any]:
            metadata = _text_metadata(context)
            with self._observer.request(
                "grpc", name, metadata, called=called, peer=address(context), is_stream=True
            ) as observed:
                _name(context, observed)
                try:
                    caller = await self._enter(context, metadata.get(KEY_FIELD), method)
                    with self._gate.open_stream(caller):
                        messages = _Messages(context, parse)
                        async with aclosing(handler.stream_stream(messages, context)) as answers:
                            async for answer in answers:
                                if method.counts(answer):
                                    await self._gate.charge(caller)
                                yield answer
                except BaseException as error:
                    observed.code = _code(error)
                    await _fail(context, error, observed.id)

        # On the wire a call with one message is a stream of one: only so can it be refused unread.
        make, wrapper = (
            (grpc.stream_unary_rpc_method_handler, unary)
            if handler.unary_unary
            else (grpc.stream_stream_rpc_method_handler, stream)
        )
        return make(cast(Any, wrapper), None, handler.response_serializer)

    async def _enter(self, context: Context, key: str | None, method: Method) -> Caller:
        caller = await self._gate.enter(key, certificate_names(context), method.scope)
        OWNER.set(caller.key_id)
        CURRENT.get().key_id = caller.key_id
        if method.is_work:
            self._runner.refuse_if_full()
        return caller


class _Messages:
    """What a stream's caller sends, parsed. gRPC's own iterator would hold a message, and its
    picture, until the next one comes."""

    def __init__(self, context: Context, parse: Callable[[bytes], Any]) -> None:
        self._context = context
        self._parse = parse

    def __aiter__(self) -> "_Messages":
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401
        data = await self._context.read()
        if data is grpc.aio.EOF:
            raise StopAsyncIteration
        return _parse(self._parse, data)


def _called(path: str) -> Called:
    name = path.removeprefix("/")
    return Called(name, {"rpc.system.name": "grpc", "rpc.method": name})


def _text_metadata(context: Context) -> dict[str, str]:
    return {
        name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)
    }


def _name(context: Context, observed: ObservedRequest) -> None:
    """The request's id goes back with every answer."""
    context.set_trailing_metadata(((REQUEST_ID_FIELD, observed.id),))


def _code(error: BaseException) -> str:
    """What the call counts as."""
    match error:
        case JointTrackError():
            return error.reason.value
        case Exception():
            return Reason.INTERNAL.value
        case _:
            return CANCELLED


async def _fail(context: Context, error: BaseException, request_id: str) -> NoReturn:
    """Ends the call with the status that says what went wrong."""
    if not isinstance(error, Exception):
        raise error
    if not isinstance(error, JointTrackError):
        _LOG.error("A call failed", exc_info=error)
        error = internal_error(request_id)
    await abort(context, error, request_id)


def _parse(parse: Callable[[bytes], Any], data: object) -> Any:  # noqa: ANN401
    if not isinstance(data, bytes):
        raise JointTrackError(Reason.INVALID_REQUEST, "The call holds no message. Send one.")
    try:
        return parse(data)
    except DecodeError as error:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            "The message is not the protobuf message that this method takes. Generate the client "
            "from the server's own .proto files.",
        ) from error
