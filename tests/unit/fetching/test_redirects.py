"""Redirects: as many as allowed, to where one may go."""

import asyncio

import pytest

from tests.support.fetching import (
    attacked,
    fetcher_for,
    refused,
)
from tests.support.hostile import (
    PHOTO,
    head,
    hostile_server,
    ok,
    redirect,
)


async def test_redirects_as_many_as_allowed() -> None:
    answers = {f"/{n}": redirect(f"/{n + 1}") for n in range(5)} | {"/5": ok()}
    with hostile_server(answers) as server:
        fetcher = fetcher_for(server)
        assert await fetcher.fetch(server.url("/2")) == PHOTO
        assert server.targets == ["/2", "/3", "/4", "/5"]
        error = await refused(fetcher, server.url("/1"), "redirect")
        assert "more than 3" in error.message
        assert server.targets[4:] == ["/1", "/2", "/3", "/4"]


BAD_REDIRECTS = {
    "loop": (redirect("/bad"), "redirect"),
    "nowhere": (head("302 Found", "Content-Length: 0"), "redirect"),
    "two places": (head("302 Found", "Location: /a", "Location: /b"), "redirect"),
    "empty": (redirect(""), "url"),
    "file": (redirect("file:///etc/passwd"), "scheme"),
    "other scheme": (redirect("gopher://127.0.0.1:6379/_INFO"), "scheme"),
    "credentials": (redirect("http://a:b@127.0.0.1:{port}/photo.jpg"), "credentials"),
    "other port": (redirect("http://127.0.0.1:6379/"), "port_not_allowed"),
    "decimal": (redirect("http://2130706433:{port}/photo.jpg"), "url"),
    "short": (redirect("//127.1:{port}/photo.jpg"), "url"),
    "backslash": (redirect("/\\127.0.0.2:{port}/photo.jpg"), "url"),
}


@pytest.mark.parametrize("case", BAD_REDIRECTS)
async def test_bad_redirects(case: str) -> None:
    answer, why = BAD_REDIRECTS[case]
    await attacked(answer, why)


async def test_the_deadline_is_one_for_all_redirects() -> None:
    async def late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.9)
        writer.write(redirect("/bad"))

    _, server = await attacked(late, "timeout", timeout_s=2.0)
    assert server.targets[-1] == "/photo.jpg"
    assert len(server.targets) <= 4
