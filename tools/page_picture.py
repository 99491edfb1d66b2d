"""The picture of the page in the docs: the sample, measured in a browser."""

import tempfile
from pathlib import Path

from tests.support.browser import chromium
from tests.support.servers import run_server

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "page.png"
SHOWN = {"viewport": {"width": 1280, "height": 900}}


def draw_page() -> None:
    """Writes the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        run_server(Path(folder), auth=False) as server,
        chromium() as browser,
    ):
        page = browser.new_context(**SHOWN).new_page()  # type: ignore[arg-type]
        page.goto(server.url)
        page.check('input[value="squats_hip_front"]')
        page.click("#use-sample")
        page.wait_for_selector("article.card:nth-child(2)")
        page.evaluate("scrollTo(0, 0); document.getElementById('measurements').scrollTo(0, 0)")
        page.wait_for_timeout(500)
        page.screenshot(path=PICTURE)


if __name__ == "__main__":
    draw_page()
