"""The blocking client."""

from collections.abc import Generator, Iterable
from functools import cached_property

from jointtrack import _requests, _responses, _stream
from jointtrack._requests import Box, KeypointSource, Size
from jointtrack._resumption import Resumption
from jointtrack._shell import BlockingShell
from jointtrack.frames import FrameNumbering, StreamSource, blocking_frames
from jointtrack.images import ImageSource
from jointtrack.names import Smoothing
from jointtrack.types import DetectResult, MeasureResult, ServerInfo, StreamAnswer
from jointtrack.v1 import jointtrack_service_pb2 as pb
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub


class JointTrackClient(BlockingShell):
    """A connection to a JointTrack server, for any number of threads. Connects on the first call.

    ``target``: host:port. ``api_key``: sent as "x-api-key". ``tls``: True (the system's root
    certificates), root certificates (PEM or a path), ``grpc.ChannelCredentials``, or False for
    plaintext; default plaintext to this machine and TLS to any other. ``client_certificate``: for
    mutual TLS. ``allow_cleartext_key``: send the key to another machine without TLS; else that is a
    ValueError. ``timeout_s``: for every call that names no other, connecting and retries included.
    ``retries``: further tries of a call after UNAVAILABLE, 0 to 4, never of streams.
    ``max_message_bytes``: of one message, each way. ``compression``: of requests, "gzip" or
    "deflate", which halves arrays and does nothing for picture files. ``channel_options``: further
    gRPC channel arguments, by name.

    Every call raises a ``JointTrackError``, and TypeError or ValueError, before anything is sent,
    for arguments that cannot be meant. Calls wait for a server that is just starting.
    """

    @cached_property
    def _stub(self) -> JointTrackServiceStub:
        return JointTrackServiceStub(self._channel)

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
        return _responses.detect_result(*self._call_with_id(self._stub.Detect, request, timeout_s))

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
        resume_timeout_s: float | None = None,
    ) -> Generator[StreamAnswer, None, None]:
        """Follows people through a video; yields one answer for each frame, in order.

        ``frames``: pictures or Frame, with a SummaryRequest among them where one is wanted; a
        background thread reads them. An error that it raises ends the stream and is raised here.
        Each SummaryRequest is answered by a StreamSummary in its place; if ``measurements`` are
        asked for, one more is the last answer. ``fps``: of a recording; default None, a live
        camera, whose frames are timed as they are sent. ``overflow``: see Overflow.
        ``max_in_flight``: frames the server holds at once. ``smoothing``: of the keypoints over
        time, see Smoothing, or a strength from 0 (follows every movement) to 1 (the steadiest).
        ``timeout_s``: for the whole stream; default no limit. ``resume_timeout_s``: for how long to
        try again when the stream is interrupted, by a restart for example; what is unanswered is
        sent again. A StreamResumed says where that was, and what begins anew there. Default: an
        interruption is raised; its ``last_sequence_id`` says how far the stream came. The rest is
        as in ``detect``. Closing the generator cancels the call.
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
            blocking_frames(frames),
            FrameNumbering(fps),
            Resumption(resume_timeout_s, timeout_s),
            connect=self._connect,
            start=lambda requests, left_s: self._stub.StreamDetect(
                requests, timeout=left_s, metadata=self._connection.metadata
            ),
            is_closed=lambda: self._use.is_over,
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
        return _responses.measure_result(
            *self._call_with_id(self._stub.Measure, request, timeout_s)
        )

    def server_info(self, *, timeout_s: float | None = None) -> ServerInfo:
        """What the server runs, knows and allows."""
        request = pb.GetServerInfoRequest()
        return _responses.server_info(self._call(self._stub.GetServerInfo, request, timeout_s))
