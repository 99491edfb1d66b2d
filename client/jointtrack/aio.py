"""The asyncio client: the same calls as ``jointtrack.client``, awaited."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING, cast

from jointtrack import _aio_stream, _requests, _responses
from jointtrack._aio_shell import AsyncShell
from jointtrack._aio_stream import StreamSources
from jointtrack._requests import Box, KeypointSource, Size
from jointtrack._resumption import Resumption
from jointtrack.frames import FrameNumbering, checked_frames
from jointtrack.images import ImageSource, reads_a_file
from jointtrack.names import Smoothing
from jointtrack.types import DetectResult, MeasureResult, ServerInfo, StreamAnswer
from jointtrack.v1 import jointtrack_service_pb2 as pb
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub

if TYPE_CHECKING:
    from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceAsyncStub


class AsyncJointTrackClient(AsyncShell):
    """As ``JointTrackClient``, for one event loop: every call is awaited, cancelling it cancels the
    call on the server. Files are read in a thread.
    """

    @property
    def _stub(self) -> "JointTrackServiceAsyncStub":
        return cast("JointTrackServiceAsyncStub", JointTrackServiceStub(self._channel))

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
        answer = await self._call_with_id(self._stub.Detect, request, timeout_s)
        return _responses.detect_result(*answer)

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
        resume_timeout_s: float | None = None,
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
            checked_frames(frames),
            FrameNumbering(fps),
            Resumption(resume_timeout_s, timeout_s),
            connect=self._connect,
            start=lambda requests, left_s: self._stub.StreamDetect(
                requests, timeout=left_s, metadata=self._connection.metadata
            ),
            was_closed=self._was_closed,
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
        answer = await self._call_with_id(self._stub.Measure, request, timeout_s)
        return _responses.measure_result(*answer)

    async def server_info(self, *, timeout_s: float | None = None) -> ServerInfo:
        """What the server runs, knows and allows."""
        response = await self._call(self._stub.GetServerInfo, pb.GetServerInfoRequest(), timeout_s)
        return _responses.server_info(response)
