"""One picture in, people and their angles out: the one pipeline behind both doors."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from jointtrack_server.domain.crop import MIN_CROP_KEYPOINT_SCORE
from jointtrack_server.domain.types import Box, Keypoints, Measurement, Pose, SideValue, scaled
from jointtrack_server.engines.base import PoseModel
from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.fetching.fetcher import Fetcher
from jointtrack_server.imaging.decode import (
    DecodedPicture,
    ImageLimits,
    RawImage,
    decode_file,
    decode_raw,
)
from jointtrack_server.imaging.encode import EncodedPicture, encode_jpeg
from jointtrack_server.imaging.overlay import draw_overlay
from jointtrack_server.measurements import measure
from jointtrack_server.measurements.quality import MIN_KEYPOINT_SCORE
from jointtrack_server.pipeline.options import (
    Detection,
    DetectOptions,
    ImageUrl,
    Person,
    Seen,
    Timings,
)
from jointtrack_server.pipeline.people import Search, find_people
from jointtrack_server.pipeline.runner import OWNER, Runner
from jointtrack_server.pipeline.stages import Stage

ImageData = bytes | RawImage
ImageSource = ImageData | ImageUrl


class DetectPipeline:
    """Fetch, decode, find, measure, draw. Any number of callers may await ``detect`` at once."""

    def __init__(
        self,
        models: Mapping[ModelSpec, PoseModel],
        finder: PoseModel,
        runner: Runner,
        limits: ImageLimits,
        fetcher: Fetcher,
    ) -> None:
        self._models = models
        self._finder = finder
        self._runner = runner
        self._limits = limits
        self._fetcher = fetcher

    async def detect(
        self, source: ImageSource, options: DetectOptions, *, deadline_s: float | None = None
    ) -> Detection:
        """Finds and measures people in one picture.

        ``deadline_s`` is on ``time.monotonic``'s clock.
        Raises JointTrackError for bad pictures, when overloaded, and when the deadline passes.
        """
        data: ImageData
        fetch_ms = 0.0
        if isinstance(source, ImageUrl):
            data, fetch_ms = await self.fetch(source, deadline_s=deadline_s)
        else:
            data = source
        (detection, picture), queue_ms = await self._runner.run(
            lambda: self._detect(data, options), deadline_s=deadline_s
        )
        detection.timings.queue_ms, detection.timings.fetch_ms = queue_ms, fetch_ms
        return await self.draw(detection, picture, options)

    async def fetch(
        self,
        picture: ImageUrl,
        *,
        deadline_s: float | None = None,
        refuse_when_full: bool = True,
    ) -> tuple[bytes, float]:
        """The file and the milliseconds that it took; as ``Fetcher.fetch``."""
        with Stage("fetch") as fetching:
            file = await self._fetcher.fetch(
                picture.url,
                owner=OWNER.get(),
                deadline_s=deadline_s,
                refuse_when_full=refuse_when_full,
            )
        return file, fetching.ms

    def search(self, options: DetectOptions) -> Search:
        """What the options ask to look for, with the loaded models."""
        return Search(
            self._models[options.model],
            self._finder,
            options.search,
            options.region,
            options.max_people,
        )

    def decode(self, source: ImageData, *, min_long_side_px: int | None) -> DecodedPicture:
        """A file or pixels to upright RGB; as ``decode_file``.

        Raises JointTrackError if the picture is bad.
        """
        if isinstance(source, RawImage):
            return decode_raw(source, self._limits)
        return decode_file(source, self._limits, min_long_side_px=min_long_side_px)

    def describe(
        self,
        picture: DecodedPicture,
        seen: Sequence[Seen],
        options: DetectOptions,
        *,
        in_view: int,
    ) -> Detection:
        """Measures the people seen; ``in_view`` counts those not among ``seen`` too."""
        with Stage("measure") as measuring:
            persons = tuple(_to_person(one, picture, options, in_view > 1) for one in seen)
        return Detection(picture.size, persons, Timings(measure_ms=measuring.ms))

    async def draw(
        self, detection: Detection, picture: DecodedPicture, options: DetectOptions
    ) -> Detection:
        """Adds the pictures asked for; they are drawn and encoded at the same time."""
        if not (options.include_overlays or options.include_image):
            return detection
        people = detection.people
        work: list[Callable[[], EncodedPicture]] = []
        if options.include_overlays:
            work += [partial(_overlay, picture, one) for who in people for one in who.measurements]
        if options.include_image:
            work.append(partial(_upright_image, picture))
        with Stage("overlay") as drawing:
            jobs = (self._runner.run(one, refuse_when_full=False) for one in work)
            drawn = [encoded for encoded, _ in await asyncio.gather(*jobs)]
        image = drawn.pop() if options.include_image else None
        if options.include_overlays:
            overlays = iter(drawn)
            people = tuple(
                replace(who, overlays={one.name: next(overlays) for one in who.measurements})
                for who in people
            )
        detection.timings.overlay_ms = drawing.ms
        return replace(detection, people=people, image=image)

    def _detect(
        self, source: ImageData, options: DetectOptions
    ) -> tuple[Detection, DecodedPicture]:
        with Stage("decode") as decoding:
            picture = self.decode(source, min_long_side_px=options.min_long_side_px)
        search = _scale_region(self.search(options), picture)
        with Stage("infer") as inferring:
            people = find_people(picture.pixels, search)
        seen = [Seen(one.keypoints) for one in people.found]
        detection = self.describe(picture, seen, options, in_view=people.in_view)
        detection.timings.decode_ms, detection.timings.infer_ms = decoding.ms, inferring.ms
        return detection, picture


def _to_person(
    seen: Seen, picture: DecodedPicture, options: DetectOptions, several_people: bool
) -> Person:
    """Keypoints to pixels of the original picture, and the angles they make."""
    wanted = options.measure
    pose = _to_pose(seen.keypoints, picture)
    measurements = measure(pose, wanted, several_people=several_people)
    raw_pose = None
    if seen.raw is not None:
        raw_pose = _to_pose(seen.raw, picture)
        measurements = _with_raw(measurements, measure(raw_pose, wanted))
    if wanted.mirrored:
        shown, shown_raw = pose.mirrored(), raw_pose.mirrored() if raw_pose else None
    else:
        shown, shown_raw = pose, raw_pose
    return Person(shown, _box(pose), measurements, track_id=seen.track_id, raw_pose=shown_raw)


def _to_pose(keypoints: Keypoints, picture: DecodedPicture) -> Pose:
    return Pose(scaled(keypoints, picture.scale), picture.size)


def _with_raw(
    smoothed: tuple[Measurement, ...], raw: tuple[Measurement, ...]
) -> tuple[Measurement, ...]:
    """The smoothed measurements with the raw values beside their own."""

    def side(value: SideValue, raw_value: SideValue) -> SideValue:
        if value.value_deg is None:
            return value
        return replace(value, raw_deg=raw_value.value_deg)

    return tuple(
        replace(one, sides={key: side(value, other.sides[key]) for key, value in one.sides.items()})
        for one, other in zip(smoothed, raw, strict=True)
    )


def _box(pose: Pose) -> Box:
    """Around the keypoints that exist (or could, if none does), cut to the picture."""
    keypoints: list[list[float]] = pose.keypoints.tolist()
    for min_score in (MIN_KEYPOINT_SCORE, MIN_CROP_KEYPOINT_SCORE, 0.0):
        points = [(x_px, y_px) for x_px, y_px, score in keypoints if score >= min_score]
        if len(points) > 1:
            break
    around = Box.around(points)
    width_px, height_px = pose.image_size.width_px, pose.image_size.height_px
    return Box(
        min(max(around.x_min_px, 0.0), width_px),
        min(max(around.y_min_px, 0.0), height_px),
        min(max(around.x_max_px, 0.0), width_px),
        min(max(around.y_max_px, 0.0), height_px),
    )


def _scale_region(search: Search, picture: DecodedPicture) -> Search:
    """The caller's box, in original pixels, to pixels of a picture decoded at reduced size."""
    if search.region is None:
        return search
    box, scale = search.region, picture.scale
    scaled = Box(
        box.x_min_px / scale, box.y_min_px / scale, box.x_max_px / scale, box.y_max_px / scale
    )
    return replace(search, region=scaled)


def _overlay(picture: DecodedPicture, measurement: Measurement) -> EncodedPicture:
    return encode_jpeg(draw_overlay(picture.pixels, measurement))


def _upright_image(picture: DecodedPicture) -> EncodedPicture:
    if picture.upright_jpeg is not None:
        return EncodedPicture(picture.upright_jpeg, picture.size)
    return encode_jpeg(picture.pixels)
