"""Live mode on the page: a camera and a video, frame by frame."""

import base64
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from jointtrack_server.domain.types import MeasureOptions
from jointtrack_server.imaging.canvas import draw_marks
from jointtrack_server.imaging.overlay import overlay_marks
from jointtrack_server.imaging.skeleton import skeleton_marks
from jointtrack_server.measurements import measure
from jointtrack_server.measurements.quality import MIN_KEYPOINT_SCORE
from jointtrack_server.rest_api.live_messages import to_mark
from jointtrack_server.video.encode import VideoWriter
from tests.page.pages import OpenPage, give_key, tick
from tests.support.clips import even_times, walk_pictures
from tests.support.http import Door
from tests.support.servers import RunningServer
from tests.support.vectors import VECTORS

WAIT_MS = 60_000
GROUND = 90
RATE = re.compile(r"[1-9]\d* frames/s")


def open_live(open_page: OpenPage, server: RunningServer, key: str | None = None) -> Page:
    page = open_page(server)
    give_key(page, server.api_key if key is None else key)
    tick(page, "knee_flexion")
    page.check('input[value="live"]')
    return page


@pytest.fixture
def live(open_page: OpenPage, server: RunningServer) -> Page:
    return open_live(open_page, server)


def painted(page: Page) -> int:
    """How many colours the shown frame has: many in a photo, one in an empty canvas."""
    colours: int = page.evaluate(
        """() => {
            const canvas = document.getElementById("frame");
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return new Set(new Uint32Array(data.buffer)).size;
        }"""
    )
    return colours


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second and a half of the walk, in which the left knee swings."""
    path = tmp_path_factory.mktemp("clip") / "walk.mp4"
    with closing(VideoWriter(path)) as writer:
        for picture, time_s in zip(walk_pictures(45), even_times(45), strict=True):
            writer.write(picture, time_s)
    return path


def test_a_video_is_followed_to_its_end(live: Page, clip: Path) -> None:
    live.set_input_files("#video", clip)
    live.wait_for_selector("#summary table", timeout=WAIT_MS)
    assert painted(live) > 1000
    expect(live.locator("#rate")).to_contain_text("frames/s")
    left = live.inner_text("#summary tr:nth-child(2)").split()
    assert left[:3] == ["Knee", "Flexion", "left"]
    # It bends to 74 degrees; the page sees the frames that the browser comes to play.
    assert 50 <= int(left[4].rstrip("°")) <= 85
    expect(live.locator("#status")).to_have_text("Done.")


def test_a_video_that_ends_while_it_is_opened_is_followed_all_the_same(
    live: Page, clip: Path
) -> None:
    """As on a machine that has no time to pause it."""
    live.evaluate(
        """() => {
            const play = HTMLMediaElement.prototype.play;
            HTMLMediaElement.prototype.play = async function () {
                HTMLMediaElement.prototype.play = play;
                await this.play();
                await new Promise((done) => this.addEventListener("ended", done));
            };
        }"""
    )
    live.set_input_files("#video", clip)
    live.wait_for_selector("#summary table", timeout=WAIT_MS)
    expect(live.locator("#status")).to_have_text("Done.")


def test_frames_are_sent_in_order_even_where_a_later_one_is_encoded_first(
    live: Page, clip: Path
) -> None:
    """As on a machine with much to do."""
    live.evaluate(
        """() => {
            const encode = OffscreenCanvas.prototype.convertToBlob;
            let frames = 0;
            OffscreenCanvas.prototype.convertToBlob = async function (options) {
                if (frames++ % 2) await new Promise((done) => setTimeout(done, 200));
                return encode.call(this, options);
            };
        }"""
    )
    live.set_input_files("#video", clip)
    live.wait_for_selector("#summary table", timeout=WAIT_MS)
    expect(live.locator("#status")).to_have_text("Done.")


def test_the_camera_until_it_is_stopped(live: Page) -> None:
    live.click("#use-camera")
    expect(live.locator("#rate")).to_have_text(RATE, timeout=WAIT_MS)
    expect(live.locator(".plot h2 span")).to_contain_text("°", timeout=WAIT_MS)
    live.click("#stop")
    live.wait_for_selector("#summary table", timeout=WAIT_MS)
    assert live.is_disabled("#stop")


@pytest.mark.parametrize("name", ["shoulder_abduction-2", "squats_knee_front-2", "knee_flexion-2"])
def test_the_page_draws_what_the_overlay_draws(live: Page, name: str) -> None:
    """The same marks as lines of a canvas and as pixels: only edges are smoothed differently."""
    pose, measurement = VECTORS[name].pose, VECTORS[name].measurement
    (measured,) = measure(pose, MeasureOptions((measurement,)))
    marks = [
        *skeleton_marks(pose, MIN_KEYPOINT_SCORE),
        *overlay_marks(pose.image_size, measured),
    ]
    size = pose.image_size
    ours = np.full((size.height_px, size.width_px, 3), GROUND, np.uint8)
    draw_marks(ours, marks)
    flat = live.evaluate(
        """async ({marks, width, height, ground}) => {
            const {drawMarks} = await import("/page/draw.js");
            const canvas = document.createElement("canvas");
            Object.assign(canvas, {width, height});
            const context = canvas.getContext("2d");
            context.fillStyle = `rgb(${ground} ${ground} ${ground})`;
            context.fillRect(0, 0, width, height);
            drawMarks(context, marks);
            return canvas.toDataURL("image/png");
        }""",
        {
            "marks": [to_mark(mark) for mark in marks],
            "width": size.width_px,
            "height": size.height_px,
            "ground": GROUND,
        },
    )
    png = np.frombuffer(base64.b64decode(flat.partition(",")[2]), np.uint8)
    decoded = cv2.imdecode(png, cv2.IMREAD_COLOR)
    assert decoded is not None
    theirs = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    drawn = np.any(ours != GROUND, axis=2)
    assert drawn.sum() > 5000
    far = np.any(np.abs(ours.astype(int) - theirs) > 96, axis=2)
    assert far.sum() < 0.015 * drawn.sum()


def test_a_wrong_key_is_said(open_page: OpenPage, server: RunningServer) -> None:
    page = open_live(open_page, server, key="jt_00000000_wrong")
    page.click("#use-camera")
    expect(page.locator("#status")).to_contain_text("API key is unknown")


def test_a_server_that_stops_is_said(
    open_page: OpenPage, start_server: Callable[..., RunningServer]
) -> None:
    server = start_server()
    page = open_live(open_page, server)
    page.click("#use-camera")
    expect(page.locator("#rate")).to_have_text(RATE, timeout=WAIT_MS)
    server.stop()
    expect(page.locator("#status")).to_contain_text("server is stopping", timeout=WAIT_MS)


def test_frames_of_the_camera_count(live: Page, server: RunningServer) -> None:
    door = Door(server)
    labels = 'code="OK",door="http",method="/live"'
    before = door.count(labels)
    live.click("#use-camera")
    expect(live.locator("#rate")).to_have_text(RATE, timeout=WAIT_MS)
    live.click("#stop")
    expect(live.locator("#status")).to_have_text("Done.", timeout=WAIT_MS)
    assert door.count(labels) == before + 1
