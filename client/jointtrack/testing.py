"""An in-process JointTrack server with scripted answers, for tests of code that uses the client.

It speaks real gRPC on 127.0.0.1 but looks at no picture::

    with FakeServer() as server, JointTrackClient(server.target) as client:
        server.detect.enqueue(detection({"knee_flexion": (61.0, None)}))
        assert client.detect(b"a picture", "knee_flexion").person.angle("knee_flexion").left == 61.0
        server.detect.enqueue(Failure("INVALID_ARGUMENT", "INVALID_IMAGE", "Send a JPEG."))
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, NoReturn, Self, cast

import grpc

from jointtrack import _canned
from jointtrack._canned import Angles, Ranges, StreamCounts, detection, summary
from jointtrack._channel import API_KEY_HEADER, MAX_MESSAGE_BYTES
from jointtrack._failures import (
    draining,
    internal,
    invalid_image,
    key_not_found,
    missing_scope,
    overloaded,
    quota_exceeded,
    rate_limited,
    unauthenticated,
)
from jointtrack._fake_admin import FakeAdmin
from jointtrack._script import AnswerT, Failure, RequestT, Script
from jointtrack._status import DETAILS_KEY, REQUEST_ID_KEY
from jointtrack.v1 import jointtrack_service_pb2 as pb
from jointtrack.v1 import jointtrack_service_pb2_grpc as pb_grpc
from jointtrack.v1 import summary_pb2
from jointtrack.v1.admin_service_pb2_grpc import add_AdminServiceServicer_to_server

__all__ = [
    "REQUEST_ID",
    "Angles",
    "Failure",
    "FakeAdmin",
    "FakeServer",
    "Ranges",
    "Script",
    "detection",
    "draining",
    "internal",
    "invalid_image",
    "key_not_found",
    "missing_scope",
    "overloaded",
    "quota_exceeded",
    "rate_limited",
    "summary",
    "unauthenticated",
]

REQUEST_ID = "fake-request"
PUSHBACK_KEY = "grpc-retry-pushback-ms"
WORKERS = 8
SERVING = b"\x08\x01"
NOT_SERVING = b"\x08\x02"


class FakeServer(pb_grpc.JointTrackServiceServicer):
    """A server on a port of 127.0.0.1, a free one by default; ``target`` is its address.

    ``detect``, ``frame`` (each frame of a stream), ``summary`` (each one of a stream, the last one
    included), ``measure`` and ``server_info`` are Scripts. By default they find one person, with 10
    degrees left and 20 right for every measurement asked for, at most that in a summary. ``admin``
    has the Scripts of an administrator's calls.
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
        self.detect: Script[pb.DetectRequest, pb.Detection] = Script(
            lambda request: detection(_canned.default_angles(request.options.measurements))
        )
        self.frame: Script[pb.Frame, pb.Detection | pb.FrameDropped] = Script(
            lambda _: detection(_canned.default_angles(self.configs[-1].options.measurements))
        )
        self.summary: Script[pb.SummaryRequest, summary_pb2.StreamSummary] = Script(
            lambda _: summary(_canned.default_ranges(self.configs[-1].options.measurements))
        )
        self.measure: Script[pb.MeasureRequest, pb.MeasureResponse] = Script(
            lambda request: pb.MeasureResponse(
                measurements=_canned.measurements(_canned.default_angles(request.measurements))
            )
        )
        self.server_info: Script[pb.GetServerInfoRequest, pb.GetServerInfoResponse] = Script(
            lambda _: _canned.server_info()
        )
        self.ready: bool = True
        self.stream_failure: Failure | None = None
        self.metadata: list[dict[str, str | bytes]] = []
        self.configs: list[pb.StreamConfig] = []
        self.admin: FakeAdmin = FakeAdmin(self._respond)
        self._stopping = threading.Event()
        self._api_key = api_key
        self._port = port
        self._credentials = credentials
        self._server: grpc.Server = _grpc_server(self)

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
        self._stopping.set()
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

    def Detect(self, request: pb.DetectRequest, context: grpc.ServicerContext) -> pb.DetectResponse:  # noqa: N802
        found = self._respond(self.detect, request, context)
        _finish(found, request.options)
        image = _canned.PICTURE if request.options.include_image else None
        return pb.DetectResponse(detection=found, model=_canned.MODEL, image=image)

    def StreamDetect(  # noqa: N802
        self, request_iterator: Iterator[pb.StreamDetectRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.StreamDetectResponse]:
        self._admit(context)
        config = pb.StreamConfig()
        counts = StreamCounts()
        for request in request_iterator:
            if request.HasField("config"):
                config = request.config
                self.configs.append(config)
            elif request.HasField("summary_request"):
                yield self._summary_answer(request.summary_request, config, counts, context)
            else:
                answer = self._frame_answer(request.frame, config, context)
                counts.add(request.frame, answer)
                yield answer
        if self.stream_failure is not None:
            _abort(self.stream_failure, context)
        if config.options.measurements and counts.last_sequence_id >= 0:
            yield self._summary_answer(pb.SummaryRequest(), config, counts, context)

    def Measure(  # noqa: N802
        self, request: pb.MeasureRequest, context: grpc.ServicerContext
    ) -> pb.MeasureResponse:
        response = self._respond(self.measure, request, context)
        _canned.drop_other_side(response.measurements, request.side)
        return response

    def GetServerInfo(  # noqa: N802
        self, request: pb.GetServerInfoRequest, context: grpc.ServicerContext
    ) -> pb.GetServerInfoResponse:
        return self._respond(self.server_info, request, context)

    def check_health(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """grpc.health.v1.Health/Check, in bytes."""
        return SERVING if self.ready else NOT_SERVING

    def _frame_answer(
        self, frame: pb.Frame, config: pb.StreamConfig, context: grpc.ServicerContext
    ) -> pb.StreamDetectResponse:
        self._stopping.wait(self.frame.delay_s)
        answer = self.frame.answer(frame)
        if isinstance(answer, Failure):
            if answer.ends_stream:
                _abort(answer, context)
            return pb.StreamDetectResponse(sequence_id=frame.sequence_id, error=answer.status())
        if isinstance(answer, pb.FrameDropped):
            return pb.StreamDetectResponse(sequence_id=frame.sequence_id, dropped=answer)
        _finish(answer, config.options)
        _canned.as_in_stream(answer, config)
        return pb.StreamDetectResponse(sequence_id=frame.sequence_id, detection=answer)

    def _summary_answer(
        self,
        request: pb.SummaryRequest,
        config: pb.StreamConfig,
        counts: StreamCounts,
        context: grpc.ServicerContext,
    ) -> pb.StreamDetectResponse:
        found = self._answer(self.summary, request, context)
        counts.fill(found)
        for person in found.people:
            _canned.drop_other_side(person.measurements, config.options.side)
        return pb.StreamDetectResponse(sequence_id=counts.last_sequence_id, summary=found)

    def _respond(
        self, script: Script[RequestT, AnswerT], request: RequestT, context: grpc.ServicerContext
    ) -> AnswerT:
        self._admit(context)
        return self._answer(script, request, context)

    def _answer(
        self, script: Script[RequestT, AnswerT], request: RequestT, context: grpc.ServicerContext
    ) -> AnswerT:
        self._stopping.wait(script.delay_s)
        answer = script.answer(request)
        if isinstance(answer, Failure):
            _abort(answer, context)
        return answer

    def _admit(self, context: grpc.ServicerContext) -> None:
        received = dict(cast(Any, context).invocation_metadata())
        self.metadata.append(received)
        if self._api_key is not None and received.get(API_KEY_HEADER) != self._api_key:
            _abort(unauthenticated(), context)
        context.set_trailing_metadata(((REQUEST_ID_KEY, REQUEST_ID),))


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
    add_AdminServiceServicer_to_server(servicer.admin, server)
    health: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Check": grpc.unary_unary_rpc_method_handler(servicer.check_health)
    }
    handler = grpc.method_handlers_generic_handler("grpc.health.v1.Health", health)
    server.add_generic_rpc_handlers((handler,))
    return server


def _finish(found: pb.Detection, options: pb.DetectOptions) -> None:
    for person in found.people:
        _canned.drop_other_side(person.measurements, options.side)
        if options.include_overlays:
            for measurement in person.measurements:
                measurement.overlay.CopyFrom(_canned.PICTURE)


def _abort(failure: Failure, context: grpc.ServicerContext) -> NoReturn:
    trailing: tuple[tuple[str, str | bytes], ...] = (
        (REQUEST_ID_KEY, REQUEST_ID),
        (DETAILS_KEY, failure.status().SerializeToString()),
    )
    if failure.code == "UNAVAILABLE" and failure.retry_after_s is not None:
        pushback_ms = max(1, round(failure.retry_after_s * 1000))  # at 0, gRPC 1.85 never retries
        trailing += ((PUSHBACK_KEY, str(pushback_ms)),)
    context.set_trailing_metadata(trailing)
    context.abort(grpc.StatusCode[failure.code], failure.message)
    raise AssertionError("abort raises")
