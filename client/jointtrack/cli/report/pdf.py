"""HTML to PDF, by the browser that is installed."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
QUIET = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
)
LIMIT_S = 120.0


class PdfError(Exception):
    """No PDF was made; the message says why and what to do."""


def find_browser() -> str:
    """Chromium, Chrome or Edge; PdfError if there is none."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise PdfError(
        "a PDF needs Chromium, Chrome or Edge, and none is installed: write an .html file and "
        "print it from any browser."
    )


def print_pdf(browser: str, html: Path, pdf: Path) -> None:
    """Prints the page as any visitor would; it is the program's own and loads nothing."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, *QUIET, f"--user-data-dir={profile}", f"--print-to-pdf={pdf}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium does not start as root without it
        try:
            done = subprocess.run(  # noqa: S603 - a browser by its own name
                [*command, html.as_uri()], capture_output=True, timeout=LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PdfError(f"{browser} made no PDF: {error}") from None
    if done.returncode != 0 or not pdf.exists():
        lines = done.stderr.decode(errors="replace").splitlines() or ["it said nothing"]
        raise PdfError(f"{browser} made no PDF: {lines[-1]}")
