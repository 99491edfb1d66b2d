"""Addresses, names, hosts and ports that a fetch must not reach, whatever leads to them."""

from ipaddress import ip_address, ip_network

import pytest

from jointtrack_server.fetching.addresses import Address
from tests.support.fetching import attacked, fetcher_for, fetches, names, refused
from tests.support.hostile import PHOTO, hostile_server, ok, redirect

FORBIDDEN = [
    *("127.0.0.2", "0.0.0.0", "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "224.0.0.1"),
    *("169.254.169.254", "168.63.129.16", "100.100.100.200", "255.255.255.255"),
    *("[::1]", "[::]", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("[::127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::127.0.0.1]", "[ff02::1]"),
    *("[2001:0:4136:e378:8000:63bf:80ff:fffe]",),
]


@pytest.mark.parametrize("host", FORBIDDEN)
async def test_an_address_that_is_not_public(host: str) -> None:
    with hostile_server({"/photo.jpg": ok()}) as server:
        fetcher = fetcher_for(server)
        url = f"http://{host}:{server.port}/photo.jpg"
        await refused(fetcher, url, "address_not_allowed")
        assert server.connections == 0
        assert await fetches(server, fetcher)


@pytest.mark.parametrize("host", FORBIDDEN)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 T", "308 P"])
async def test_a_redirect_to_one(host: str, status: str) -> None:
    answer = redirect(f"http://{host}:{{port}}/photo.jpg", status)
    _, server = await attacked(answer, "address_not_allowed")
    assert server.targets == ["/bad", "/photo.jpg"]


@pytest.mark.parametrize("addresses", ["127.0.0.2", "::1", "127.0.0.1 10.0.0.1", "127.0.0.1 ::1"])
async def test_a_name_of_an_address_that_is_not_public(addresses: str) -> None:
    """One forbidden address among allowed ones is enough."""
    with hostile_server({"/photo.jpg": ok(), "/to": redirect("http://evil.org:{port}/")}) as server:
        fetcher = fetcher_for(server, names(evil_org=addresses))
        await refused(fetcher, server.url("/photo.jpg", "evil.org"), "address_not_allowed")
        assert server.connections == 0
        await refused(fetcher, server.url("/to"), "address_not_allowed")
        assert await fetches(server, fetcher)


async def test_names_of_the_private_network_are_not_told_from_unknown_ones() -> None:
    with hostile_server({}) as server:
        fetcher = fetcher_for(server, names(db_corp="10.0.0.5", no_corp=""))
        messages = {
            (await refused(fetcher, server.url("/", host), "address_not_allowed")).message.replace(
                host, "?"
            )
            for host in ("db.corp", "no.corp")
        }
    assert len(messages) == 1
    assert "10.0" not in messages.pop()


async def test_localhost_by_the_systems_own_lookup() -> None:
    with hostile_server({"/photo.jpg": ok()}) as server:
        url = server.url("/photo.jpg", "localhost")
        await refused(fetcher_for(server, networks=()), url, "address_not_allowed")
        assert server.connections == 0
        networks = (ip_network("127.0.0.1"), ip_network("::1"))
        assert await fetcher_for(server, networks=networks).fetch(url) == PHOTO
        await refused(fetcher_for(server), server.url("/", "x.invalid"), "address_not_allowed")


class Rebinding:
    """A name server that answers with an allowed address first, then with a forbidden one."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> tuple[Address, ...]:
        self.asked += 1
        return (ip_address(self.answers.pop(0)),)


async def test_rebinding_comes_too_late() -> None:
    """What was checked is what is connected to: nobody looks the name up again."""
    with hostile_server({"/photo.jpg": ok()}) as server:
        lookup = Rebinding("127.0.0.1", "127.0.0.2")
        fetcher = fetcher_for(server, lookup)
        assert await fetcher.fetch(server.url("/photo.jpg", "evil.org")) == PHOTO
        assert lookup.asked == 1
        assert server.asked[0].headers["host"] == f"evil.org:{server.port}"
        await refused(fetcher, server.url("/photo.jpg", "evil.org"), "address_not_allowed")
        assert server.connections == 1


async def test_rebinding_between_redirects_is_checked_again() -> None:
    with hostile_server({"/a": redirect("/b"), "/b": ok()}) as server:
        lookup = Rebinding("127.0.0.1", "10.0.0.1")
        fetcher = fetcher_for(server, lookup)
        await refused(fetcher, server.url("/a", "evil.org"), "address_not_allowed")
        assert server.targets == ["/a"]


@pytest.mark.parametrize("addresses", ["127.0.0.3 127.0.0.1", "127.0.0.1 127.0.0.3"])
async def test_the_next_address_is_tried_when_one_is_dead(addresses: str) -> None:
    with hostile_server({"/photo.jpg": ok()}) as server:
        lookup = names(two_org=addresses)
        fetcher = fetcher_for(server, lookup, networks=(ip_network("127.0.0.0/8"),))
        assert await fetcher.fetch(server.url("/photo.jpg", "two.org")) == PHOTO


async def test_a_redirect_off_the_list_of_hosts() -> None:
    answers = {"/photo.jpg": ok(), "/to": redirect("http://evil.org:{port}/photo.jpg")}
    with hostile_server(answers) as server:
        lookup = names(a_good_org="127.0.0.1", evil_org="127.0.0.1", good_org="127.0.0.1")
        fetcher = fetcher_for(server, lookup, hosts=("*.good.org",))
        assert await fetcher.fetch(server.url("/photo.jpg", "a.Good.org")) == PHOTO
        for host in ("good.org", "evil.org", "xgood.org", "a.good.org.evil.org", "127.0.0.1"):
            await refused(fetcher, server.url("/photo.jpg", host), "host_not_allowed")
        await refused(fetcher, server.url("/to", "a.good.org"), "host_not_allowed")
        assert server.targets == ["/photo.jpg", "/to"]


async def test_ports() -> None:
    with hostile_server({"/photo.jpg": ok()}) as server:
        fetcher = fetcher_for(server, ports=(80, 443))
        error = await refused(fetcher, server.url("/photo.jpg"), "port_not_allowed")
        assert f"port {server.port}. Use one of: 80, 443." in error.message
        assert server.connections == 0


async def test_disabled() -> None:
    with hostile_server({"/photo.jpg": ok()}) as server:
        await refused(fetcher_for(server, enabled=False), server.url("/photo.jpg"), "disabled")
        assert server.connections == 0
