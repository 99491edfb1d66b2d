"""https: the certificate must be of the URL's name and of an authority that is trusted."""

import asyncio
import datetime
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.fetching import fetcher_for, names, refused, settled
from tests.support.hostile import (
    JPEG,
    PHOTO,
    HostileServer,
    Talk,
    head,
    hostile_server,
    ok,
    redirect,
)

HOST = "pictures.example.org"
LOOKUP = names(pictures_example_org="127.0.0.1", other_example_org="127.0.0.1")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As an operator trusts an authority of his own."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))


@contextmanager
def https(
    authority: trustme.CA, answers: dict[str, bytes | Talk], *hosts: str, **certificate: Any
) -> Iterator[tuple[HostileServer, list[str | None]]]:
    """The server and the names that were asked for in the handshakes."""
    asked_names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(hosts or (HOST,)), **certificate).configure_cert(context)
    context.sni_callback = lambda _, name, __: asked_names.append(name)
    with hostile_server(answers, context) as server:
        yield server, asked_names


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_of_a_trusted_authority(authority: trustme.CA) -> None:
    """The connection goes to the address; the certificate is checked against the name."""
    with https(authority, {"/a": redirect("/b"), "/b": ok()}) as (server, asked_names):
        fetcher = fetcher_for(server, LOOKUP)
        assert await fetcher.fetch(server.url("/a", HOST, "https")) == PHOTO
        assert asked_names == [HOST, HOST]
        assert server.asked[0].headers["host"] == f"{HOST}:{server.port}"


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_of_an_address(authority: trustme.CA) -> None:
    with https(authority, {"/a": ok()}, "127.0.0.1") as (server, _):
        assert await fetcher_for(server).fetch(server.url("/a", scheme="https")) == PHOTO


async def test_an_authority_that_nobody_trusts(authority: trustme.CA) -> None:
    with https(authority, {"/a": ok()}) as (server, _):
        error = await refused(fetcher_for(server, LOOKUP), server.url("/a", HOST, "https"), "tls")
        assert "127.0.0.1" not in error.message
        assert server.asked == []


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("hosts", [("evil.example.org",), ("127.0.0.1",), ("*.org",)])
async def test_a_certificate_of_another_name(authority: trustme.CA, hosts: tuple[str]) -> None:
    with https(authority, {"/a": ok()}, *hosts) as (server, _):
        await refused(fetcher_for(server, LOOKUP), server.url("/a", HOST, "https"), "tls")
        assert server.asked == []


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_that_has_expired(authority: trustme.CA) -> None:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    with https(authority, {"/a": ok()}, HOST, not_after=yesterday) as (server, _):
        await refused(fetcher_for(server, LOOKUP), server.url("/a", HOST, "https"), "tls")


async def test_a_handshake_that_never_ends() -> None:
    with hostile_server({}) as server:
        fetcher = fetcher_for(server, LOOKUP, timeout_s=1.0)
        await refused(fetcher, server.url("/a", HOST, "https"), "timeout")
        assert server.connections == 1
        await settled(lambda: server.open == 0)


async def test_no_tls_where_it_is_asked_for() -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(garbage, "127.0.0.1", 0)
    server = HostileServer(listener.sockets[0].getsockname()[1])
    async with listener:
        await refused(fetcher_for(server, LOOKUP), server.url("/a", HOST, "https"), "tls")


@pytest.mark.usefixtures("trusted")
async def test_tls_where_it_is_not_asked_for(authority: trustme.CA) -> None:
    with https(authority, {"/a": ok()}) as (server, _):
        await refused(fetcher_for(server, LOOKUP), server.url("/a", HOST), "protocol")


@pytest.mark.usefixtures("trusted")
async def test_damaged_records(authority: trustme.CA) -> None:
    async def damage(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head("200 OK", JPEG, "Content-Length: 9000") + b"x" * 100)
        await writer.drain()
        await asyncio.sleep(0.2)
        os.write(writer.get_extra_info("socket").fileno(), b"\x17\x03\x03\x00\x40" + b"y" * 64)
        await asyncio.sleep(0.2)

    with https(authority, {"/a": damage, "/b": ok()}) as (server, _):
        fetcher = fetcher_for(server, LOOKUP)
        await refused(fetcher, server.url("/a", HOST, "https"), "protocol")
        assert await fetcher.fetch(server.url("/b", HOST, "https")) == PHOTO


@pytest.mark.usefixtures("trusted")
async def test_a_redirect_from_https_to_http(authority: trustme.CA) -> None:
    answers: dict[str, bytes | Talk] = {"/a": redirect(f"http://{HOST}:{{port}}/b"), "/b": ok()}
    with https(authority, answers) as (server, _):
        fetcher = fetcher_for(server, LOOKUP)
        error = await refused(fetcher, server.url("/a", HOST, "https"), "redirect")
        assert "from https to http" in error.message
        assert server.targets == ["/a"]


@pytest.mark.usefixtures("trusted")
async def test_a_redirect_from_http_to_https(authority: trustme.CA) -> None:
    with https(authority, {"/b": ok()}) as (secure, _):
        to = redirect(secure.url("/b", HOST, "https"))
        with hostile_server({"/a": to}) as plain:
            fetcher = fetcher_for(plain, LOOKUP, ports=(plain.port, secure.port))
            assert await fetcher.fetch(plain.url("/a", HOST)) == PHOTO
