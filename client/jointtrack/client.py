"""The blocking client."""

import time
from collections.abc import Generator, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import grpc

from jointtrack import _calls, _requests, _responses, _stream
from jointtrack._channel import MAX_MESSAGE_BYTES, Connection, Tls, connection
from jointtrack._requests import Box, KeypointSource, Size
from jointtrack.errors import JointTrackError
from jointtrack.frames import FrameNumbering, StreamSource
from jointtrack.images import ImageSource
from jointtrack.names import Smoothing
from jointtrack.types import DetectResult, MeasureResult, ServerInfo, StreamAnswer
from jointtrack.v1 import jointtrack_service_pb2 as pb
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub

if TYPE_CHECKING:
    Request = TypeVar("Request")
    Response = TypeVar("Response")

_PROBE_S = 0.1


class JointTrackClient:
    """A connection to a JointTrack server, for any number of threads. Connects on the first call.

    ``target``: host:port. ``api_key``: sent as "x-api-key". ``tls``: True (the system's root
    certificates), PEM root certificates, ``grpc.ChannelCredentials``, or False for plaintext;
    default plaintext to this machine and TLS to any other. ``timeout_s``: for every call that names
    no other, connecting included. ``max_message_bytes``: of one message, each way.
    ``channel_options``: further gRPC channel arguments, by name.

    Every call raises a ``JointTrackError``. Calls wait for a server that is just starting;
    UNAVAILABLE is tried four times, except in streams.
    """

    def __init__(
        self,
        target: str = "localhost:50051",
        *,
        api_key: str | None = None,
        tls: Tls = None,
        timeout_s: float = 30.0,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        channel_options: Mapping[str, str | int] | None = None,
    ) -> None:
        self._connection = connection(
            target,
            api_key=api_key,
            tls=tls,
            timeout_s=timeout_s,
            max_message_bytes=max_message_bytes,
            channel_options=channel_options,
        )
        self._channel = _open_channel(self._connection)
        self._stub = JointTrackServiceStub(self._channel)
        self._health: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            _calls.HEALTH_METHOD
        )

    def detect(
        self,
        image: ImageSource,
        measurements: str | Iterable[str] = (),
        side: str = "both",
        *,
        model: str | None = None,
        model_version: str | None = None,
        search: str | None = None,
        region: Box | None = None,
        max_people: int | None = None,
        facing: str | None = None,
        mirrored: bool = False,
        strict: bool = False,
        include_overlays: bool = False,
        include_image: bool = False,
        timeout_s: float | None = None,
    ) -> DetectResult:
        """Finds people in one picture and measures them.

        ``image``: a path, an http(s) URL, a file's bytes, an open binary file, a numpy array
        (uint8, RGB or grey), or a RawImage. ``measurements``: MeasurementName or its string; none
        gives keypoints only. ``side``: "left", "right" or "both". ``model``: a name from
        ``server_info``. ``search``: see SearchMode. ``region``: the person's box in pixels, skips
        the search. ``max_people``: 1 to 6, default 1. ``facing``: where the subject looks in a
        side view, if known. ``mirrored``: a mirrored selfie. ``strict``: no value from an
        unsuitable view. ``include_overlays``, ``include_image``: send the pictures back.

        Raises OSError if a path cannot be read.
        """
        options = _requests.detect_options(
            measurements=measurements,
            side=side,
            model=model,
            model_version=model_version,
            search=search,
            region=region,
            max_people=max_people,
            facing=facing,
            mirrored=mirrored,
            strict=strict,
            include_overlays=include_overlays,
            include_image=include_image,
        )
        request = _requests.detect_request(image, options)
        return _responses.detect_result(self._call(self._stub.Detect, request, timeout_s))

    def stream(
        self,
        frames: Iterable[StreamSource],
        measurements: str | Iterable[str] = (),
        side: str = "both",
        *,
        fps: float | None = None,
        overflow: str | None = None,
        max_in_flight: int | None = None,
        smoothing: Smoothing | str | float | None = None,
        model: str | None = None,
        model_version: str | None = None,
        search: str | None = None,
        max_people: int | None = None,
        facing: str | None = None,
        mirrored: bool = False,
        strict: bool = False,
        include_overlays: bool = False,
        timeout_s: float | None = None,
    ) -> Generator[StreamAnswer, None, None]:
        """Follows people through a video; yields one answer for each frame, in order.

        ``frames``: pictures or Frame, with a SummaryRequest among them where one is wanted; a
        background thread reads them. An error that it raises ends the stream and is raised here.
        Each SummaryRequest is answered by a StreamSummary in its place; if ``measurements`` are
        asked for, one more is the last answer. ``fps``: of a recording; default None, a live
        camera, whose frames are timed as they are sent. ``overflow``: see Overflow.
        ``max_in_flight``: frames the server holds at once. ``smoothing``: of the keypoints over
        time, see Smoothing, or a strength from 0 (follows every movement) to 1 (the steadiest).
        ``timeout_s``: for the whole stream; default no limit. The rest is as in ``detect``.
        Closing the generator cancels the call.
        """
        options = _requests.detect_options(
            measurements=measurements,
            side=side,
            model=model,
            model_version=model_version,
            search=search,
            region=None,
            max_people=max_people,
            facing=facing,
            mirrored=mirrored,
            strict=strict,
            include_overlays=include_overlays,
        )
        config = _requests.stream_config(
            options, overflow=overflow, max_in_flight=max_in_flight, smoothing=smoothing
        )
        return _stream.answers(
            config,
            frames,
            FrameNumbering(fps),
            connect=self._connect,
            start=lambda requests: self._stub.StreamDetect(
                requests, timeout=timeout_s, metadata=self._connection.metadata
            ),
            to_error=lambda error: self._error(error, timeout_s),
        )

    def measure(
        self,
        keypoints: KeypointSource,
        image_size: Size,
        measurements: str | Iterable[str],
        side: str = "both",
        *,
        facing: str | None = None,
        mirrored: bool = False,
        strict: bool = False,
        timeout_s: float | None = None,
    ) -> MeasureResult:
        """Measures keypoints that the caller already has, from any COCO-17 model.

        ``keypoints``: (17, 3) in COCO's order, x_px, y_px, score; or Keypoint; or (x_px, y_px,
        score) by joint name, with joints left out that are missing. ``image_size``: ImageSize or
        (width_px, height_px).
        """
        request = _requests.measure_request(
            keypoints,
            image_size,
            measurements=measurements,
            side=side,
            facing=facing,
            mirrored=mirrored,
            strict=strict,
        )
        return _responses.measure_result(self._call(self._stub.Measure, request, timeout_s))

    def server_info(self, *, timeout_s: float | None = None) -> ServerInfo:
        """What the server runs, knows and allows."""
        request = pb.GetServerInfoRequest()
        return _responses.server_info(self._call(self._stub.GetServerInfo, request, timeout_s))

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Returns once the server takes calls; UnavailableError if not within ``timeout_s``."""
        wait = _calls.ReadyWait(self._connection, timeout_s)
        while not self._is_ready(wait):
            time.sleep(_calls.HEALTH_POLL_S)

    def close(self) -> None:
        """Ends all calls and the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _call(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Response]",
        request: "Request",
        timeout_s: float | None,
    ) -> "Response":
        timeout_s = self._connection.call_timeout_s(timeout_s)
        try:
            return method(
                request, timeout=timeout_s, metadata=self._connection.metadata, wait_for_ready=True
            )
        except grpc.RpcError as error:
            raise self._error(error, timeout_s) from None

    def _is_ready(self, wait: _calls.ReadyWait) -> bool:
        try:
            response = self._call(self._health, _calls.HEALTH_REQUEST, wait.left_s)
        except JointTrackError as error:
            return wait.failed(error)
        return wait.answered(response)

    def _connect(self) -> None:
        """Streams have no wait_for_ready: without a deadline that could wait for ever."""
        timeout_s = self._connection.timeout_s
        if not self._is_connected(timeout_s):
            raise _calls.unreachable(self._connection, _calls.no_connection(timeout_s))

    def _is_connected(self, timeout_s: float) -> bool:
        """Whether the server answers at all; grpc's own way leaves a polling thread behind."""
        try:
            self._health(_calls.HEALTH_REQUEST, timeout=timeout_s, wait_for_ready=True)
        except grpc.RpcError as error:
            return cast(Any, error).code() not in _calls.NO_ANSWER
        return True

    def _error(self, error: grpc.RpcError, timeout_s: float | None) -> JointTrackError:
        call = cast(Any, error)
        return _calls.call_error(
            call.code(),
            call.details(),
            call.trailing_metadata(),
            connection=self._connection,
            timeout_s=timeout_s,
            is_connected=lambda: self._is_connected(_PROBE_S),
        )


def _open_channel(connection: Connection) -> grpc.Channel:
    if connection.credentials is None:
        return grpc.insecure_channel(connection.target, connection.options)
    return grpc.secure_channel(connection.target, connection.credentials, connection.options)
