"""Which addresses count as public; the registries of special addresses are the IANA's."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jointtrack_server.fetching.addresses import Address, is_public

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.0", "172.15.0.1"]
PUBLIC += ["172.32.0.1", "192.167.255.255", "223.255.255.255", "2606:4700::1111", "2a00:1450::1"]
PUBLIC += ["64:ff9b::8.8.8.8"]

METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16"]
METADATA += ["fd00:ec2::254", "fd20:ce::254", "fe80::a9fe:a9fe"]

NOT_PUBLIC = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9"),
    *("169.254.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.0.0.8", "192.0.2.1"),
    *("192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
    *("192.31.196.1", "192.52.193.1", "192.175.48.1", "2620:4f:8000::1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%lo", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "ff0e::1"),
    *("2001::1", "2001:10::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1"),
]

DISGUISED = [
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8"),
    *("::127.0.0.1", "::a00:1", "::ffff:0:127.0.0.1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8"),
    *("2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:0:808:808::1"),
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", [*METADATA, *NOT_PUBLIC, *DISGUISED])
def test_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


def special(address: Address) -> bool:
    """What the standard library knows of special addresses."""
    return (
        not address.is_global
        or address.is_multicast
        or address.is_private
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
    )


@given(st.ip_addresses(v=4) | st.integers(0, 2**32 - 1).map(IPv4Address))
def test_nothing_special_is_public_v4(address: IPv4Address) -> None:
    assert not (is_public(address) and special(address))


@given(st.ip_addresses(v=6) | st.integers(0x2000 << 112, (0x4000 << 112) - 1).map(IPv6Address))
def test_nothing_special_is_public_v6(address: IPv6Address) -> None:
    if address.exploded.startswith("0064:ff9b:0000:0000:0000:0000:"):
        return
    assert not (is_public(address) and special(address))
