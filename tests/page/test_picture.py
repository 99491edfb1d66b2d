"""A picture on the page: its angles, what is said of bad ones, and who may use it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.page.pages import OpenPage, give_key, tick, values
from tests.support.http import Door
from tests.support.servers import DATA, RunningServer

NAMES = ("shoulder_abduction", "squats_hip_front")
PHOTO = DATA / "arms_out_front.jpg"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


@pytest.fixture
def page(open_page: OpenPage, server: RunningServer) -> Page:
    """With a key."""
    opened = open_page()
    give_key(opened, server.api_key)
    return opened


def expected(server: RunningServer, name: str) -> dict[str, int | None]:
    answer = Door(server).detect(PHOTO.read_bytes(), name)
    value: dict[str, int | None] = answer["measurements"][0]["value"]
    return value


def test_the_sample_shows_its_angle(page: Page, server: RunningServer) -> None:
    page.click("#use-sample")
    page.wait_for_selector("article.card")
    assert values(page, NAMES[0]) == expected(server, NAMES[0])
    picture = page.locator("article.card img")
    assert "71" in (picture.get_attribute("alt") or "")
    assert picture.evaluate("image => image.naturalWidth") == 612


def test_a_chosen_file_and_several_measurements(page: Page, server: RunningServer) -> None:
    page.set_input_files("#file", PHOTO)
    tick(page, *NAMES)
    page.click("#measure")
    page.wait_for_selector("article.card")
    shown = page.eval_on_selector_all(
        "article.card", "cards => cards.map(card => card.dataset.measurement)"
    )
    assert sorted(shown) == sorted(NAMES)
    for name in NAMES:
        assert values(page, name) == expected(server, name)
    assert "38 CFR 4.71, plate II" in page.inner_text("#answer")
    assert "Several people are in the picture" in page.inner_text("#answer")


def test_a_side_that_cannot_be_measured_says_why(page: Page) -> None:
    page.set_input_files("#file", PHOTO)
    tick(page, "elbow_side")
    page.click("#measure")
    page.wait_for_selector("article.card")
    assert values(page, "elbow_side")["left"] is None
    assert "not recognised correctly" in page.inner_text("article.card .left")


def test_the_code_shown_does_the_same(page: Page, server: RunningServer, tmp_path: Path) -> None:
    page.set_input_files("#file", PHOTO)
    page.click("#measure")
    page.wait_for_selector("#snippets pre")
    curl, python = page.locator("#snippets pre").all_inner_texts()
    shutil.copy(PHOTO, tmp_path)
    environment = {**os.environ, "JOINTTRACK_API_KEY": server.api_key}
    want = expected(server, NAMES[0])
    for command in (["bash", "-c", curl], [sys.executable, "-c", python]):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        said = done.stdout.replace("'", '"').replace(" ", "")
        assert f'"left":{want["left"]},"right":{want["right"]}' in said


def test_a_wrong_key_is_said_and_can_be_mended(open_page: OpenPage, server: RunningServer) -> None:
    page = open_page()
    page.click("#use-sample")
    expect(page.locator("#status")).to_have_text("Give an API key first.")
    give_key(page, "jt_00000000_wrong")
    page.click("#use-sample")
    expect(page.locator("#status")).to_contain_text("API key is unknown")
    assert page.evaluate("document.activeElement.id") == "key"
    give_key(page, server.api_key)
    page.click("#measure")
    page.wait_for_selector("article.card")


def test_the_key_stays_in_the_tab(page: Page, server: RunningServer) -> None:
    page.reload()
    page.wait_for_selector("#measurements input")
    assert page.input_value("#key") == server.api_key
    assert page.evaluate("localStorage.length") == 0
    assert page.context.cookies() == []


def test_what_is_no_picture_is_refused_in_words(page: Page) -> None:
    page.set_input_files(
        "#file", {"name": "note.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    )
    page.click("#measure")
    expect(page.locator("#status")).to_have_class("bad")
    assert page.locator("article.card").count() == 0


def test_a_server_that_went_away(
    open_page: OpenPage, start_server: Callable[..., RunningServer]
) -> None:
    server = start_server()
    page = open_page(server)
    give_key(page, server.api_key)
    server.stop()
    page.set_input_files("#file", PHOTO)
    page.click("#measure")
    expect(page.locator("#status")).to_contain_text("cannot be reached")


def test_no_key_is_asked_for_where_there_is_none(
    open_page: OpenPage, start_server: Callable[..., RunningServer]
) -> None:
    page = open_page(start_server(auth=False))
    assert not page.is_visible("#key")
    page.click("#use-sample")
    page.wait_for_selector("article.card")
    assert "X-API-Key" not in page.inner_text("#snippets")


def test_a_picture_taken_with_the_camera(page: Page) -> None:
    tick(page, "knee_flexion")
    page.click("#use-snapshot")
    expect(page.locator("#status")).to_contain_text("camera.jpg is chosen")
    page.click("#measure")
    page.wait_for_selector("article.card")


def test_the_keyboard_is_enough(page: Page, server: RunningServer) -> None:
    page.focus("#use-sample")
    page.keyboard.press("Enter")
    page.wait_for_selector("article.card")
    page.focus('input[value="shoulder_abduction"]')
    page.keyboard.press("Space")
    page.focus('input[value="squats_hip_front"]')
    page.keyboard.press("Space")
    page.focus("#measure")
    page.keyboard.press("Enter")
    page.wait_for_selector('article.card[data-measurement="squats_hip_front"]')


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desktop", "phone"])
def test_everybody_can_read_it(
    open_page: OpenPage, server: RunningServer, scheme: str, screen: dict[str, object]
) -> None:
    """Contrast, labels, roles and order as axe-core checks them, and no scrolling sideways."""
    page = open_page(color_scheme=scheme, **screen)
    give_key(page, server.api_key)
    page.click("#use-sample")
    page.wait_for_selector("article.card")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    sideways = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    assert page.evaluate(sideways) <= 0


def test_the_page_can_be_turned_off(start_server: Callable[..., RunningServer]) -> None:
    url = start_server(page=False).url
    for path in ("/", "/page/page.css", "/live"):
        assert requests.get(url + path, timeout=30).status_code == 404


def test_pages_from_elsewhere_cannot_frame_it_or_add_to_it(server: RunningServer) -> None:
    for path in ("/", "/page/main.js", "/page/info.json", "/page/colours.css"):
        policy = requests.get(server.url + path, timeout=30).headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
