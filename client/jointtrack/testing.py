"""An in-process JointTrack server with scripted answers, for tests of code that uses the client.

It speaks real gRPC on 127.0.0.1 but looks at no picture::

    with FakeServer() as server, JointTrackClient(server.target) as client:
        server.detect.enqueue(detection({"knee_flexion": (61.0, None)}))
        assert client.detect(b"a picture", "knee_flexion").person.angle("knee_flexion").left == 61.0
        server.detect.enqueue(Failure("INVALID_ARGUMENT", "INVALID_IMAGE", "Send a JPEG."))
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar, cast

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from jointtrack import _canned
from jointtrack._canned import Angles, detection
from jointtrack._channel import API_KEY_HEADER, MAX_MESSAGE_BYTES
from jointtrack._status import DETAILS_KEY, REQUEST_ID_KEY
from jointtrack.v1 import jointtrack_service_pb2 as pb
from jointtrack.v1 import jointtrack_service_pb2_grpc as pb_grpc

__all__ = ["REQUEST_ID", "Angles", "Failure", "FakeServer", "Script", "detection"]

if TYPE_CHECKING:
    Context = pb_grpc._ServicerContext

RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT", bound=Message)

REQUEST_ID = "fake-request"
WORKERS = 8
SERVING = b"\x08\x01"
NOT_SERVING = b"\x08\x02"


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal: gRPC status name, reason and message, with the details that a server sends."""

    code: str
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    field_name: str | None = None
    retry_after_s: float | None = None

    def status(self) -> status_pb2.Status:
        """As google.rpc.Status with ErrorInfo, BadRequest and RetryInfo."""
        info = error_details_pb2.ErrorInfo(
            domain="jointtrack", reason=self.reason, metadata=self.metadata
        )
        details: list[Message] = [info]
        if self.field_name is not None:
            violation = error_details_pb2.BadRequest.FieldViolation(
                field=self.field_name, description=self.message
            )
            details.append(error_details_pb2.BadRequest(field_violations=[violation]))
        if self.retry_after_s is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromNanoseconds(round(self.retry_after_s * 1e9))
            details.append(retry)
        code = grpc.StatusCode[self.code].value[0]
        status = status_pb2.Status(code=code, message=self.message)
        for detail in details:
            status.details.add().Pack(detail)
        return status


class Script(Generic[RequestT, AnswerT]):
    """One call's answers: those enqueued, in order; then ``default`` for every further request.

    An answer is a message, a Failure, or a function of the request that returns a message.
    ``requests`` holds the messages that arrived.
    """

    def __init__(self, default: Callable[[RequestT], AnswerT]) -> None:
        self.default: AnswerT | Failure | Callable[[RequestT], AnswerT] = default
        self.requests: list[RequestT] = []
        self._queue: deque[AnswerT | Failure | Callable[[RequestT], AnswerT]] = deque()

    def enqueue(self, *answers: AnswerT | Failure | Callable[[RequestT], AnswerT]) -> None:
        """Adds answers, each for one request."""
        self._queue.extend(answers)

    def answer(self, request: RequestT) -> AnswerT | Failure:
        """What to answer this request; a message is a copy that may be changed."""
        self.requests.append(request)
        answer = self._queue.popleft() if self._queue else self.default
        if isinstance(answer, Failure):
            return answer
        if isinstance(answer, Message):
            copy = type(answer)()
            copy.CopyFrom(answer)
            return copy
        return answer(request)


class FakeServer(pb_grpc.JointTrackServiceServicer):
    """A server on a port of 127.0.0.1, a free one by default; ``target`` is its address.

    ``detect``, ``frame`` (each frame of a stream), ``measure`` and ``server_info`` are Scripts. By
    default they find one person, with 10 degrees left and 20 right for every measurement asked for.
    ``api_key``: calls without it are refused. ``ready``: what the health service says.
    ``credentials``: for TLS. ``stream_failure``: ends streams after their last frame.
    ``metadata`` (of each call) and ``configs`` (of each stream) hold what arrived.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        port: int = 0,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self.detect = Script[pb.DetectRequest, pb.Detection](
            lambda request: detection(_canned.default_angles(request.options.measurements))
        )
        self.frame = Script[pb.Frame, pb.Detection | pb.FrameDropped](
            lambda _: detection(_canned.default_angles(self.configs[-1].options.measurements))
        )
        self.measure = Script[pb.MeasureRequest, pb.MeasureResponse](
            lambda request: pb.MeasureResponse(
                measurements=_canned.measurements(_canned.default_angles(request.measurements))
            )
        )
        self.server_info = Script[pb.GetServerInfoRequest, pb.GetServerInfoResponse](
            lambda _: _canned.server_info()
        )
        self.ready = True
        self.stream_failure: Failure | None = None
        self.metadata: list[dict[str, str | bytes]] = []
        self.configs: list[pb.StreamConfig] = []
        self._api_key = api_key
        self._port = port
        self._credentials = credentials
        self._server = _grpc_server(self)

    @property
    def target(self) -> str:
        """Its address, such as "127.0.0.1:50051"; known once it is started."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Listens. Once: a stopped server stays stopped."""
        if self._credentials is None:
            self._port = self._server.add_insecure_port(self.target)
        else:
            self._port = self._server.add_secure_port(self.target, self._credentials)
        self._server.start()
        return self

    def stop(self) -> None:
        """Ends all calls and the server."""
        self._server.stop(grace=None).wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def Detect(self, request: pb.DetectRequest, context: "Context") -> pb.DetectResponse:  # noqa: N802
        self._admit(context)
        found = _answer(self.detect, request, context)
        _finish(found, request.options)
        image = _canned.PICTURE if request.options.include_image else None
        return pb.DetectResponse(detection=found, model=_canned.MODEL, image=image)

    def StreamDetect(  # noqa: N802
        self, request_iterator: Iterator[pb.StreamDetectRequest], context: "Context"
    ) -> Iterator[pb.StreamDetectResponse]:
        self._admit(context)
        for request in request_iterator:
            if request.HasField("config"):
                self.configs.append(request.config)
            else:
                yield self._frame_answer(request.frame)
        if self.stream_failure is not None:
            _abort(self.stream_failure, context)

    def Measure(self, request: pb.MeasureRequest, context: "Context") -> pb.MeasureResponse:  # noqa: N802
        self._admit(context)
        response = _answer(self.measure, request, context)
        _canned.drop_other_side(response.measurements, request.side)
        return response

    def GetServerInfo(  # noqa: N802
        self, request: pb.GetServerInfoRequest, context: "Context"
    ) -> pb.GetServerInfoResponse:
        self._admit(context)
        return _answer(self.server_info, request, context)

    def check_health(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """grpc.health.v1.Health/Check, in bytes."""
        return SERVING if self.ready else NOT_SERVING

    def _frame_answer(self, frame: pb.Frame) -> pb.StreamDetectResponse:
        answer = self.frame.answer(frame)
        if isinstance(answer, Failure):
            return pb.StreamDetectResponse(sequence_id=frame.sequence_id, error=answer.status())
        if isinstance(answer, pb.FrameDropped):
            return pb.StreamDetectResponse(sequence_id=frame.sequence_id, dropped=answer)
        _finish(answer, self.configs[-1].options)
        return pb.StreamDetectResponse(sequence_id=frame.sequence_id, detection=answer)

    def _admit(self, context: "Context") -> None:
        received = dict(cast(Any, context).invocation_metadata())
        self.metadata.append(received)
        if self._api_key is not None and received.get(API_KEY_HEADER) != self._api_key:
            message = "The API key is not known. Send a valid one as x-api-key."
            _abort(Failure("UNAUTHENTICATED", "INVALID_API_KEY", message), context)


def _grpc_server(servicer: FakeServer) -> grpc.Server:
    server = grpc.server(
        ThreadPoolExecutor(WORKERS),
        options=(
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ),
    )
    pb_grpc.add_JointTrackServiceServicer_to_server(servicer, server)
    health: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Check": grpc.unary_unary_rpc_method_handler(servicer.check_health)
    }
    handler = grpc.method_handlers_generic_handler("grpc.health.v1.Health", health)
    server.add_generic_rpc_handlers((handler,))
    return server


def _answer(script: Script[RequestT, AnswerT], request: RequestT, context: "Context") -> AnswerT:
    answer = script.answer(request)
    if isinstance(answer, Failure):
        _abort(answer, context)
    return answer


def _finish(found: pb.Detection, options: pb.DetectOptions) -> None:
    for person in found.people:
        _canned.drop_other_side(person.measurements, options.side)
        if options.include_overlays:
            for measurement in person.measurements:
                measurement.overlay.CopyFrom(_canned.PICTURE)


def _abort(failure: Failure, context: "Context") -> NoReturn:
    context.set_trailing_metadata(
        ((REQUEST_ID_KEY, REQUEST_ID), (DETAILS_KEY, failure.status().SerializeToString()))
    )
    context.abort(grpc.StatusCode[failure.code], failure.message)
    raise AssertionError("abort raises")
