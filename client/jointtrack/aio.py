"""The asyncio client: the same calls as ``jointtrack.client``, awaited."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast

import grpc
import grpc.aio

from jointtrack import _aio_stream, _calls, _requests, _responses
from jointtrack._aio_stream import StreamSources
from jointtrack._channel import MAX_MESSAGE_BYTES, Connection, Tls, connection
from jointtrack._requests import Box, KeypointSource, Size
from jointtrack._status import Metadata
from jointtrack.errors import JointTrackError
from jointtrack.frames import FrameNumbering
from jointtrack.images import ImageSource, reads_a_file
from jointtrack.names import Smoothing
from jointtrack.types import DetectResult, MeasureResult, ServerInfo, StreamAnswer
from jointtrack.v1 import jointtrack_service_pb2 as pb
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub

if TYPE_CHECKING:
    from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceAsyncStub

    Request = TypeVar("Request")
    Response = TypeVar("Response")


class AsyncJointTrackClient:
    """As ``JointTrackClient``, for one event loop: every call is awaited, cancelling it cancels the
    call on the server. Files are read in a thread.
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
        self._opened: grpc.aio.Channel | None = None

    async def detect(
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
        """Finds people in one picture and measures them; see ``JointTrackClient.detect``."""
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
        if reads_a_file(image):
            request = await asyncio.to_thread(_requests.detect_request, image, options)
        else:
            request = _requests.detect_request(image, options)
        return _responses.detect_result(await self._call(self._stub.Detect, request, timeout_s))

    def stream(
        self,
        frames: StreamSources,
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
    ) -> AsyncGenerator[StreamAnswer, None]:
        """Follows people through a video; see ``JointTrackClient.stream``.

        ``frames``: an asynchronous iterable, or an ordinary one, which threads read.
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
        return _aio_stream.answers(
            config,
            frames,
            FrameNumbering(fps),
            connect=self._connect,
            start=lambda requests: self._stub.StreamDetect(
                requests, timeout=timeout_s, metadata=self._connection.metadata
            ),
            to_error=lambda final: self._error(
                final.code, final.details, final.trailing, timeout_s
            ),
        )

    async def measure(
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
        """Measures keypoints that the caller already has; see ``JointTrackClient.measure``."""
        request = _requests.measure_request(
            keypoints,
            image_size,
            measurements=measurements,
            side=side,
            facing=facing,
            mirrored=mirrored,
            strict=strict,
        )
        return _responses.measure_result(await self._call(self._stub.Measure, request, timeout_s))

    async def server_info(self, *, timeout_s: float | None = None) -> ServerInfo:
        """What the server runs, knows and allows."""
        response = await self._call(self._stub.GetServerInfo, pb.GetServerInfoRequest(), timeout_s)
        return _responses.server_info(response)

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Returns once the server takes calls; UnavailableError if not within ``timeout_s``."""
        wait = _calls.ReadyWait(self._connection, timeout_s)
        while not await self._is_ready(wait):  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(_calls.HEALTH_POLL_S)

    async def close(self) -> None:
        """Ends all calls and the connection."""
        if self._opened is not None:
            await self._opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def _channel(self) -> grpc.aio.Channel:
        """Opened on first use, because it belongs to the event loop that runs then."""
        if self._opened is None:
            self._opened = _open_channel(self._connection)
        return self._opened

    @property
    def _stub(self) -> "JointTrackServiceAsyncStub":
        return cast("JointTrackServiceAsyncStub", JointTrackServiceStub(self._channel))

    async def _call(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]",
        request: "Request",
        timeout_s: float | None,
    ) -> "Response":
        timeout_s = self._connection.call_timeout_s(timeout_s)
        try:
            return await method(
                request, timeout=timeout_s, metadata=self._connection.metadata, wait_for_ready=True
            )
        except grpc.aio.AioRpcError as error:
            raise self._error(
                error.code(), error.details(), error.trailing_metadata(), timeout_s
            ) from None

    async def _is_ready(self, wait: _calls.ReadyWait) -> bool:
        check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            _calls.HEALTH_METHOD
        )
        try:
            response = await self._call(check, _calls.HEALTH_REQUEST, wait.left_s)
        except JointTrackError as error:
            return wait.failed(error)
        return wait.answered(response)

    async def _connect(self) -> None:
        """Streams have no wait_for_ready: without a deadline that could wait for ever."""
        timeout_s = self._connection.timeout_s
        try:
            await asyncio.wait_for(self._channel.channel_ready(), timeout_s)
        except TimeoutError:
            why = _calls.no_connection(timeout_s)
            raise _calls.unreachable(self._connection, why) from None

    def _error(
        self,
        code: grpc.StatusCode,
        details: str | None,
        trailing: Metadata | None,
        timeout_s: float | None,
    ) -> JointTrackError:
        return _calls.call_error(
            code,
            details,
            trailing,
            connection=self._connection,
            timeout_s=timeout_s,
            is_connected=lambda: self._channel.get_state() is grpc.ChannelConnectivity.READY,
        )


def _open_channel(connection: Connection) -> grpc.aio.Channel:
    if connection.credentials is None:
        return grpc.aio.insecure_channel(connection.target, connection.options)
    return grpc.aio.secure_channel(connection.target, connection.credentials, connection.options)
