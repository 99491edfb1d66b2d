"""The pipeline around the models: how large a picture is decoded, and how overlays are drawn."""

import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest
import pytest_asyncio

from jointtrack_server.domain.types import Box, Keypoints, Measurement, MeasureOptions, Picture
from jointtrack_server.engines.catalogue import CATALOGUE, ModelSpec, find_spec
from jointtrack_server.imaging.encode import encode_jpeg
from jointtrack_server.imaging.overlay import draw_overlay
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.models import LoadedModels
from jointtrack_server.pipeline.options import DetectOptions
from jointtrack_server.pipeline.people import SearchMode
from jointtrack_server.pipeline.runner import Runner
from tests.support.pipelines import pipeline_on
from tests.support.servers import DATA

WORKERS = 2
LIGHTNING, THUNDER = find_spec("movenet-lightning"), find_spec("movenet-thunder")
NAMES = ("splits", "shoulder_abduction", "elbow_side", "knee_flexion")
WHOLE = SearchMode.WHOLE_PICTURE
REGION = Box(100.0, 50.0, 500.0, 650.0)


@pytest_asyncio.fixture
async def runner() -> AsyncIterator[Runner]:
    runner = Runner(WORKERS, 8)
    yield runner
    runner.close()


@pytest.fixture
def pipeline(models: LoadedModels, runner: Runner) -> DetectPipeline:
    return pipeline_on(models, runner)


@pytest.fixture(scope="session")
def photo() -> bytes:
    """612x680."""
    return (DATA / "arms_out_front.jpg").read_bytes()


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.name)
def test_a_whole_picture_is_decoded_to_the_models_size(spec: ModelSpec) -> None:
    assert DetectOptions(spec, search=WHOLE).min_long_side_px == spec.input_size_px


@pytest.mark.parametrize(
    "options",
    [
        DetectOptions(LIGHTNING),
        DetectOptions(LIGHTNING, search=SearchMode.TWO_PASS),
        DetectOptions(LIGHTNING, search=WHOLE, region=REGION),
        DetectOptions(LIGHTNING, region=REGION),
    ],
    ids=["find people", "two pass", "region of the whole", "region"],
)
def test_a_picture_to_cut_crops_from_keeps_1024_pixels(options: DetectOptions) -> None:
    assert options.min_long_side_px == 1024


@pytest.mark.parametrize("search", SearchMode)
@pytest.mark.parametrize("region", [None, REGION])
@pytest.mark.parametrize(("overlays", "image"), [(True, False), (False, True), (True, True)])
def test_a_picture_to_send_back_is_decoded_in_full(
    search: SearchMode, region: Box | None, overlays: bool, image: bool
) -> None:
    plain = DetectOptions(LIGHTNING, search=search, region=region)
    options = replace(plain, include_overlays=overlays, include_image=image)
    assert options.min_long_side_px is None


def only_keypoints(
    pipeline: DetectPipeline, photo: bytes, options: DetectOptions
) -> tuple[Keypoints, int]:
    """The one person's, in pixels of the original, and the scale of the decoded picture."""
    detection, picture = pipeline._detect(photo, options)
    (person,) = detection.people
    return person.pose.keypoints, picture.scale


@pytest.mark.parametrize("spec", [LIGHTNING, THUNDER], ids=lambda spec: spec.name)
def test_half_the_picture_gives_the_keypoints_of_all_of_it(
    spec: ModelSpec, pipeline: DetectPipeline, photo: bytes
) -> None:
    options = DetectOptions(spec, search=WHOLE)
    half, half_scale = only_keypoints(pipeline, photo, options)
    full, full_scale = only_keypoints(pipeline, photo, replace(options, include_image=True))
    assert (half_scale, full_scale) == (2, 1)
    seen = (half[:, 2] >= 0.3) & (full[:, 2] >= 0.3)
    assert seen.sum() >= 12
    apart_px = np.linalg.norm(half[seen, :2] - full[seen, :2], axis=1)
    assert np.median(apart_px) < 0.015 * 680


async def test_overlays_of_one_picture_are_drawn_at_the_same_time(
    pipeline: DetectPipeline, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = threading.Barrier(WORKERS)

    def draw_beside_another(picture: Picture, measurement: Measurement) -> Picture:
        pair.wait(10)
        return draw_overlay(picture, measurement)

    monkeypatch.setattr("jointtrack_server.pipeline.detect.draw_overlay", draw_beside_another)
    options = DetectOptions(
        LIGHTNING, MeasureOptions(NAMES), search=WHOLE, include_overlays=True, include_image=True
    )
    detection = await pipeline.detect(photo, options)
    (person,) = detection.people
    assert list(person.overlays) == list(NAMES)
    assert detection.timings.overlay_ms > 0.0


async def test_each_overlay_shows_its_measurement_and_the_image_is_there(
    pipeline: DetectPipeline, two_people: Picture
) -> None:
    options = DetectOptions(
        THUNDER, MeasureOptions(NAMES), max_people=2, include_overlays=True, include_image=True
    )
    file = encode_jpeg(two_people).data
    _, picture = pipeline._detect(file, options)
    detection = await pipeline.detect(file, options)
    assert len(detection.people) == 2
    for person in detection.people:
        assert list(person.overlays) == [one.name for one in person.measurements] == list(NAMES)
        for one in person.measurements:
            expected = encode_jpeg(draw_overlay(picture.pixels, one))
            assert person.overlays[one.name] == expected, one.name
    assert detection.image is not None
    assert detection.image.data == file


@pytest.mark.parametrize("include_image", [False, True])
async def test_nothing_is_drawn_that_was_not_asked_for(
    include_image: bool, pipeline: DetectPipeline, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jointtrack_server.pipeline.detect.draw_overlay", None)
    measure = MeasureOptions(NAMES)
    options = DetectOptions(LIGHTNING, measure, search=WHOLE, include_image=include_image)
    detection = await pipeline.detect(photo, options)
    assert not detection.people[0].overlays
    assert (detection.image is not None) is include_image


async def test_an_overlay_that_fails_fails_the_call(
    pipeline: DetectPipeline, photo: bytes, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(picture: Picture, measurement: Measurement) -> Picture:
        raise ValueError(f"no room for {measurement.name}")

    monkeypatch.setattr("jointtrack_server.pipeline.detect.draw_overlay", fail)
    options = DetectOptions(LIGHTNING, MeasureOptions(NAMES), search=WHOLE, include_overlays=True)
    with pytest.raises(ValueError, match="no room for"):
        await pipeline.detect(photo, options)
    assert (await runner.run(threading.get_ident))[0] != threading.get_ident()
