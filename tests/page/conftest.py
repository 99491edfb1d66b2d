"""A real Chromium before a real server."""

from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from playwright.sync_api import Browser, Page

from tests.page.pages import OpenPage, Watched
from tests.support.browser import chromium
from tests.support.clips import walk_pictures
from tests.support.servers import RunningServer


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, with a walking woman before its camera.

    Of one module: while it is open, Playwright's event loop keeps asyncio tests from running.
    """
    camera = tmp_path_factory.mktemp("camera") / "walk.mjpeg"
    write_camera(camera)
    with chromium(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ) as opened:
        yield opened


def write_camera(path: Path) -> None:
    """What Chromium's fake camera plays again and again."""
    with av.open(str(path), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 352, "yuvj420p"
        for picture in walk_pictures(30):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(640, 352, "yuvj420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture
def open_page(browser: Browser, server: RunningServer) -> Iterator[OpenPage]:
    """Opens the page; at the end it must have asked nobody else and logged no error."""
    watched: list[Watched] = []

    def open_(of: RunningServer = server, **context: object) -> Page:
        page = browser.new_context(**context).new_page()  # type: ignore[arg-type]
        watched.append(Watched(page, of))
        page.goto(of.url)
        page.wait_for_selector("#measurements input")
        return page

    yield open_
    for one in watched:
        one.check()
        one.page.context.close()
