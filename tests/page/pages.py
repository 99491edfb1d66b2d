"""What tests of the page have in common."""

from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page

from tests.support.servers import RunningServer

OpenPage = Callable[..., Page]

REFUSALS = ("Failed to load resource", "WebSocket connection")
"""What Chromium itself logs of an answer that is an error, or of none."""


class Watched:
    """A page, and what it should not have done."""

    def __init__(self, page: Page, server: RunningServer) -> None:
        self.page = page
        self._hosts = {urlsplit(server.url).netloc}
        self._elsewhere: list[str] = []
        self._errors: list[str] = []
        page.on("request", lambda request: self._note(request.url))
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._errors.append(str(error)))

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc not in self._hosts:
            self._elsewhere.append(url)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(REFUSALS):
            self._errors.append(message.text)

    def check(self) -> None:
        assert self._elsewhere == []
        assert self._errors == []


def give_key(page: Page, key: str) -> None:
    page.fill("#key", key)
    page.dispatch_event("#key", "change")


def tick(page: Page, *names: str) -> None:
    """Just these measurements."""
    for box in page.query_selector_all("#measurements input"):
        box.set_checked(box.get_attribute("value") in names)


def values(page: Page, name: str) -> dict[str, int | None]:
    """What a card shows, in degrees."""
    shown = {}
    for side in ("left", "right"):
        text = page.inner_text(f'[data-measurement="{name}"] .{side} dd').splitlines()[0]
        shown[side] = None if text.startswith("–") else int(text.rstrip("°"))
    return shown
