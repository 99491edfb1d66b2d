"""What a fetch gives away: no cookies, no credentials, nothing to proxies, nothing to the log."""

import logging
from typing import Any

import pytest

from tests.support.fetching import fetcher_for, fetches, names, refused
from tests.support.hostile import JPEG, PHOTO, head, hostile_server, ok


async def test_cookies_are_not_kept() -> None:
    cookie = "Set-Cookie: id=1; Path=/"
    answers = {
        "/a": head("302 Found", "Location: /b", cookie, "Content-Length: 0"),
        "/b": ok(PHOTO, JPEG, cookie),
    }
    with hostile_server(answers) as server:
        fetcher = fetcher_for(server)
        for _ in range(2):
            await fetcher.fetch(server.url("/a"))
    assert server.targets == ["/a", "/b", "/a", "/b"]
    for asked in server.asked:
        assert not {"cookie", "authorization", "referer"} & set(asked.headers)


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile_server({"/photo.jpg": ok()}) as server, hostile_server({}) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url("/"))
            monkeypatch.setenv(name.lower(), proxy.url("/"))
        assert await fetches(server, fetcher_for(server))
        assert proxy.connections == 0


async def test_no_credentials_are_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with hostile_server({"/photo.jpg": ok()}) as server:
        assert await fetches(server, fetcher_for(server))
    assert "authorization" not in server.asked[0].headers


async def test_the_log_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with hostile_server({"/photo.jpg": ok(), "/bad": head("500 No")}) as server:
        fetcher = fetcher_for(server, names(example_org="127.0.0.1"))
        await fetcher.fetch(server.url("/photo.jpg?token=t0ken", "example.org"))
        await refused(fetcher, server.url("/bad?token=t0ken", "example.org"), "status")
    text = caplog.text + "".join(str(record.args) for record in caplog.records)
    for part in ("t0ken", "127.0.0.1", "example.org", "photo"):
        assert part not in text
