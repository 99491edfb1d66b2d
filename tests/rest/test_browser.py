"""The page /docs, and pages of other origins, in a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.support.browser import chromium, web_pages
from tests.support.busy import busy
from tests.support.http import DOCUMENTED_PATH, Door
from tests.support.servers import DATA, run_server

PHOTO = DATA / "arms_out_front.jpg"
FETCH = """async ([url, key, more]) => {
  const photo = await (await fetch("/photo.jpg")).blob();
  const form = new FormData();
  form.append("image", photo);
  form.append("measurement", "shoulder_abduction");
  for (let at = 0; at < (more.fill_mib || 0); at++) form.append("fill", "x".repeat(1048576));
  const headers = {"X-API-Key": key, "X-Request-Id": "from-a-page", ...more.headers};
  try {
    const response = await fetch(url, {method: "POST", body: form, headers});
    const answer = await response.json();
    return {
      status: response.status,
      id: response.headers.get("X-Request-Id"),
      retry: response.headers.get("Retry-After"),
      told: answer.error ? answer.error.code : answer.measurements[0].value,
    };
  } catch (error) {
    return {blocked: error.name};
  }
}"""
"""What a page does to have a picture measured."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a web site with a page and a photo."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("<title>A page</title>")
    (folder / "photo.jpg").write_bytes(PHOTO.read_bytes())
    with web_pages(folder) as port:
        yield port


@pytest.fixture(scope="module")
def crossing(site: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Lets http://app.test in; over TLS it would be the same."""
    options: dict[str, Any] = {"cors_origins": (f"http://app.test:{site}",), "workers": 2}
    data_dir: Path = tmp_path_factory.mktemp("data")
    limits = {"max_queue": 0, "max_image_bytes": 500_000, "max_head_bytes": 4096}
    with run_server(data_dir, **options, **limits) as server:
        yield Door(server)


def asked_from(page: Page, origin: str, door: Door, **more: Any) -> Any:
    page.goto(origin)
    key = more.pop("key", door.server.api_key)
    url = door.server.url.replace("127.0.0.1", "api.test") + DOCUMENTED_PATH
    return page.evaluate(FETCH, [url, key, more])


def test_the_docs_page_measures_a_picture_and_asks_nobody_else(page: Page, door: Door) -> None:
    hosts: set[str | None] = set()
    troubles: list[str] = []
    page.on("request", lambda request: hosts.add(_host(request)))
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(door.server.url.replace("127.0.0.1", "api.test") + "/docs")
    page.wait_for_selector(".opblock")
    paths = page.locator(".opblock-summary-path").all_inner_texts()
    assert paths == [DOCUMENTED_PATH, "/detect", "/healthz", "/readyz", "/metrics"]

    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input").fill(door.server.api_key)
    page.locator(".auth-container button[type=submit]").click()
    page.locator(".auth-btn-wrapper .btn-done").click()
    operation = page.locator("#operations-Detection-detect")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("input[type=file]").set_input_files(PHOTO)
    names = ["shoulder_abduction", "splits"]
    operation.locator("select[multiple]").first.select_option(names)
    with page.expect_response("**/detect") as answered:
        operation.get_by_role("button", name="Execute").click()

    assert answered.value.status == 200
    answer = json.loads(answered.value.body())
    assert answer["measurements"][0]["value"] == {"left": 71, "right": 51}
    assert [one["name"] for one in answer["measurements"]] == names
    page.wait_for_selector(".live-responses-table .response-col_status >> text=200")
    assert hosts - {None} == {"api.test"}
    assert troubles == []


def _host(request: Request) -> str | None:
    """None for what the page has made itself."""
    return urlsplit(request.url).hostname


def test_an_allowed_page_reads_answers_and_refusals(page: Page, site: int, crossing: Door) -> None:
    origin = f"http://app.test:{site}"
    answer = asked_from(page, origin, crossing)
    assert answer["status"] == 200
    assert answer["id"] == "from-a-page"
    assert answer["told"] == {"left": 71, "right": 51}
    for more, status, code in (
        ({"key": "wrong"}, 401, "invalid_api_key"),
        ({"key": "wrong", "fill_mib": 16}, 401, "invalid_api_key"),
        ({"fill_mib": 16}, 413, "image_too_large"),
        ({"headers": {"traceparent": "x" * 5000}}, 431, "head_too_large"),
    ):
        refusal = asked_from(page, origin, crossing, **more)
        assert (refusal["status"], refusal["told"]) == (status, code), more
        assert refusal["id"] == "from-a-page"
    with busy(crossing.server, workers=2):
        refusal = asked_from(page, origin, crossing)
    assert (refusal["status"], refusal["told"], refusal["retry"]) == (503, "overloaded", "1")


def test_any_other_page_is_blocked(page: Page, site: int, crossing: Door) -> None:
    before = crossing.count(f'code="OK",door="http",method="{DOCUMENTED_PATH}"')
    for origin in (f"http://other.test:{site}", f"http://127.0.0.1:{site}"):
        assert asked_from(page, origin, crossing) == {"blocked": "TypeError"}
    assert crossing.count(f'code="OK",door="http",method="{DOCUMENTED_PATH}"') == before
