"""Video files, URLs and webcams through PyAV, which is FFmpeg; needs the video extra."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import av

from jointtrack._av_pictures import PictureMaker
from jointtrack.video import Tally

if TYPE_CHECKING:
    from jointtrack.video import TimedPicture, VideoSource

DEFAULT_FPS = 30.0
"""As the contract has it for frames without a time."""


class Video:
    """An opened video. Raises OSError if it cannot be opened, ValueError if it is no video."""

    def __init__(self, source: "VideoSource", fps: float | None) -> None:
        is_webcam = isinstance(source, int)
        name = f"/dev/video{source}" if is_webcam else source
        try:
            self._container = av.open(
                os.fspath(name) if isinstance(name, os.PathLike) else name,
                "r",
                format="v4l2" if is_webcam else None,
            )
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise
            raise ValueError(f"{name} is not a video that can be read: {error.strerror}") from error
        streams = self._container.streams.video
        if not streams:
            raise ValueError(f"{name} has no video in it.")
        self._stream = stream = streams[0]
        if not is_webcam:
            stream.thread_type = "AUTO"  # reads ahead, for which a webcam's frames would wait
        self._fps = fps or float(stream.average_rate or DEFAULT_FPS)

    @property
    def total(self) -> int | None:
        """The frames that the file says it has; None if it does not."""
        return self._stream.frames or None

    def pictures(self, tally: Tally, *, jpeg: bool) -> Iterator["TimedPicture"]:
        """Each frame's picture and seconds since the first; broken ones are counted and left out.

        Closes the video after its last frame.
        """
        return _pictures(self._container, self._stream, tally, _Clock(self._fps), jpeg=jpeg)


def _pictures(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    tally: Tally,
    clock: "_Clock",
    *,
    jpeg: bool,
) -> Iterator["TimedPicture"]:
    make = PictureMaker(stream.sample_aspect_ratio, jpeg=jpeg)
    with container:
        for frame in _decoded(container, stream, _Losses(tally)):
            yield make(frame), clock.offset_s(frame)


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, losses: "_Losses"
) -> Iterator[av.VideoFrame]:
    for packet in container.demux(stream):
        losses.sent(packet)
        try:
            frames = packet.decode()
        except av.FFmpegError:
            losses.refused(packet)
            continue
        for frame in frames:
            assert isinstance(frame, av.VideoFrame)
            losses.came(frame)
            if not frame.is_corrupt:
                yield frame
    losses.ended()


class _Losses:
    """Counts the frames that went into the decoder and never came out whole.

    Decoders say too little: H.265's drops all frames up to the next key frame without an error. So
    a frame is lost when one with a later time comes out and it has not.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._inside: set[int] = set()

    def sent(self, packet: "av.Packet[av.VideoStream]") -> None:
        if packet.pts is not None and packet.size and not packet.is_discard:
            self._inside.add(packet.pts)

    def refused(self, packet: "av.Packet[av.VideoStream]") -> None:
        if packet.pts is None:
            self._tally.broken += 1

    def came(self, frame: av.VideoFrame) -> None:
        self._tally.broken += frame.is_corrupt
        if frame.pts is None:
            return
        self._inside.discard(frame.pts)
        lost = {pts for pts in self._inside if pts < frame.pts}
        self._tally.broken += len(lost)
        self._inside -= lost

    def ended(self) -> None:
        self._tally.broken += len(self._inside)


class _Clock:
    """Capture times from the frames' own timestamps: from 0, each later than the one before.

    A frame without a timestamp, or with one that goes back, is one frame interval after the last.
    """

    def __init__(self, fps: float) -> None:
        self._interval_s = 1.0 / fps
        self._start_s: float | None = None
        self._last_s = -self._interval_s

    def offset_s(self, frame: av.VideoFrame) -> float:
        time_s: float | None = frame.time
        offset_s = self._last_s + self._interval_s
        if time_s is not None:
            if self._start_s is None:
                self._start_s = time_s - offset_s
            own_s = time_s - self._start_s
            if own_s > self._last_s:
                offset_s = own_s
        self._last_s = offset_s
        return offset_s
