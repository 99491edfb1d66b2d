"""What a picture's server may answer, and what it may not."""

import gzip
from ipaddress import ip_address

import pytest

from jointtrack_server.fetching.exchange import Exchange
from jointtrack_server.fetching.url import parse_url
from tests.support.fetching import (
    MAX_BYTES,
    attacked,
    fetcher_for,
    names,
)
from tests.support.hostile import JPEG, PHOTO, Talk, endless, head, hostile_server, ok

CHUNKED = head("200 OK", JPEG, "Transfer-Encoding: chunked")


BOMB = gzip.compress(bytes(64 << 20))


async def test_a_picture_and_what_is_asked_for() -> None:
    with hostile_server({"/photo.jpg": ok()}) as server:
        assert await fetcher_for(server).fetch(server.url("/photo.jpg?size=1&sig=x#top")) == PHOTO
    (asked,) = server.asked
    assert asked.target == "/photo.jpg?size=1&sig=x"
    agent = asked.headers["user-agent"]
    assert agent.startswith("jointtrack/")
    assert asked.headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": agent,
        "accept": "image/*, application/octet-stream;q=0.5",
        "accept-encoding": "identity",
        "connection": "close",
    }


@pytest.mark.parametrize("host", ["[2606:4700::1111]", "example.org", "93.184.215.14"])
async def test_the_host_that_is_asked_for(host: str) -> None:
    with hostile_server({"/photo.jpg": ok()}) as server:
        url = parse_url(server.url("/photo.jpg", host))
        assert await Exchange(MAX_BYTES).get(url, (ip_address("127.0.0.1"),)) == PHOTO
    assert server.asked[0].headers["host"] == f"{host}:{server.port}"


@pytest.mark.parametrize(
    "answer",
    [
        head("200 OK") + PHOTO,
        head("200 OK", "content-type: IMAGE/PNG; x=y") + PHOTO,
        head("200 OK", "Content-Type: application/octet-stream") + PHOTO,
        head("200 OK", "Content-Type: binary/octet-stream", "Content-Encoding: identity") + PHOTO,
        CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(PHOTO), PHOTO),
        head("100 Continue") + head("103 Early Hints") + ok(),
        b"HTTP/1.0 200 OK\r\n\r\n" + PHOTO,
    ],
)
async def test_sound_answers(answer: bytes) -> None:
    with hostile_server({"/a": answer}) as server:
        assert await fetcher_for(server).fetch(server.url("/a")) == PHOTO


async def test_the_largest_picture() -> None:
    body = bytes(MAX_BYTES)
    with hostile_server({"/a": ok(body)}) as server:
        assert await fetcher_for(server).fetch(server.url("/a")) == body


BAD_ANSWERS: dict[str, tuple[bytes | Talk, str, str]] = {
    "not found": (head("404 Not Found", "Content-Length: 6") + b"secret", "status", "status 404"),
    "no content": (head("204 No Content"), "status", "status 204"),
    "part": (head("206 Partial Content", JPEG, "Content-Length: 0"), "status", "status 206"),
    "not modified": (head("304 Not Modified"), "status", "status 304"),
    "upgrade": (head("101 Switching", "Upgrade: x", "Connection: upgrade"), "protocol", ""),
    "page": (ok(b"<html>", "Content-Type: text/html"), "content_type", "image/*"),
    "page of no name": (ok(b"x", "Content-Type: text/html;a=image/jpeg"), "content_type", ""),
    "two types": (ok(PHOTO, JPEG, "Content-Type: text/html"), "content_type", ""),
    "gzip bomb": (ok(BOMB, JPEG, "Content-Encoding: gzip"), "content_encoding", "compressed"),
    "two encodings": (ok(BOMB, JPEG, "Content-Encoding: identity, br"), "content_encoding", ""),
    "coded transfer": (
        head("200 OK", JPEG, "Transfer-Encoding: gzip, chunked") + BOMB,
        "protocol",
        "",
    ),
    "says too much": (ok(b"", JPEG, length=10**12), "too_large", f"{10**12} bytes, the limit is"),
    "one too many": (ok(bytes(MAX_BYTES + 1)), "too_large", "300001 bytes, the limit is 300000"),
    "one too many in chunks": (
        CHUNKED + b"493e1\r\n" + bytes(MAX_BYTES + 1),
        "too_large",
        "bytes or more, the limit is 300000",
    ),
    "endless": (endless(head("200 OK", JPEG), bytes(65536)), "too_large", "or more"),
    "endless in chunks": (
        endless(CHUNKED, b"10000\r\n" + bytes(65536) + b"\r\n"),
        "too_large",
        "or more",
    ),
    "less than said": (ok(PHOTO, JPEG, length=len(PHOTO) + 1), "protocol", "broke off"),
    "negative length": (head("200 OK", JPEG, "Content-Length: -1"), "protocol", ""),
    "two lengths": (ok(b"ab", JPEG, "Content-Length: 3"), "protocol", ""),
    "chunk of no size": (CHUNKED + b"zz\r\n", "protocol", ""),
    "silent end": (b"", "protocol", ""),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "protocol", ""),
    "binary": (bytes(range(256)) * 1000, "protocol", ""),
    "long head": (endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"a" * 9000 + b"\r\n"), "protocol", ""),
    "one long line": (endless(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 9000), "protocol", ""),
    "never to the point": (endless(b"", head("100 Continue") * 1000), "protocol", ""),
    "crumbs": (endless(CHUNKED, b"1\r\nx\r\n" * 1000), "protocol", ""),
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
async def test_bad_answers(case: str) -> None:
    answer, why, said = BAD_ANSWERS[case]
    message, _ = await attacked(answer, why)
    assert said in message
    assert "secret" not in message


async def test_a_length_that_is_too_small_cuts_the_picture() -> None:
    with hostile_server({"/a": ok(PHOTO, JPEG, length=1000)}) as server:
        assert await fetcher_for(server).fetch(server.url("/a")) == PHOTO[:1000]


async def test_a_bomb_that_is_not_declared_stays_packed() -> None:
    with hostile_server({"/a": ok(BOMB)}) as server:
        assert await fetcher_for(server).fetch(server.url("/a")) == BOMB


async def test_messages_hold_neither_query_nor_address() -> None:
    answers = {f"/{n}": answer for n, (answer, *_) in enumerate(BAD_ANSWERS.values())}
    with hostile_server(answers) as server:
        fetcher = fetcher_for(server, names(example_org="127.0.0.1"))
        for name in answers:
            url = server.url(f"{name}?token=t0ken", "example.org")
            with pytest.raises(Exception, match=r".") as caught:
                await fetcher.fetch(url)
            told = f"{caught.value}{vars(caught.value)}"
            assert "t0ken" not in told
            assert "127.0.0.1" not in told
