"""The URL of a picture, read strictly: what two programs could read in two ways is refused.

``urllib.parse`` is generous (it drops line ends, and takes anything for a host), and so is the
system's resolver, to which 127.1, 0177.0.0.1 and 2130706433 are loopback.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urljoin

from jointtrack_server.errors import JointTrackError
from jointtrack_server.fetching.addresses import Address
from jointtrack_server.fetching.refusals import Why, fetch_failed

MAX_URL_CHARACTERS = 8000
"""What RFC 9110 asks every server to understand."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_VISIBLE = re.compile(r"[!-\[\]-~]+")
"""ASCII without blanks, control characters and the backslash, which browsers read as a slash."""
_NOT_VISIBLE = "it is empty, or holds blanks, backslashes or characters that are not ASCII"
_PARTS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<target>[^#]*)(?:#.*)?"
)
_AUTHORITY = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
)
_LABEL = r"[a-z0-9_-]{1,63}"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_MAX_NAME_CHARACTERS = 253
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""Such a host is an address to resolvers and browsers, never a name (URL Standard, 3.5)."""


@dataclass(frozen=True, slots=True)
class PictureUrl:
    """``host`` in small letters, without brackets; ``address`` if it is one written out.

    ``target`` is the path and the query; the fragment is left out.
    """

    scheme: str
    host: str
    port: int
    target: str
    address: Address | None

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def redirected(self, location: str) -> "PictureUrl":
        """Where a redirect leads; raises as ``parse_url``."""
        if not _VISIBLE.fullmatch(location):
            raise _malformed(_NOT_VISIBLE)
        base = f"{self.scheme}://{self.authority}{self.target}"
        try:
            joined = urljoin(base, location)
        except ValueError as error:
            raise _malformed("its redirect leads to no URL") from error
        return parse_url(joined)


def parse_url(text: str) -> PictureUrl:
    """Raises JointTrackError IMAGE_FETCH_FAILED: URL, SCHEME or CREDENTIALS."""
    if len(text) > MAX_URL_CHARACTERS:
        raise fetch_failed(
            Why.URL,
            f"The URL has {len(text)} characters, the limit is {MAX_URL_CHARACTERS}. "
            "Send a shorter one.",
            characters=len(text),
            max_characters=MAX_URL_CHARACTERS,
        )
    if not _VISIBLE.fullmatch(text):
        raise _malformed(_NOT_VISIBLE)
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise _malformed("it is not of the form https://host/path")
    scheme = parts["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise fetch_failed(
            Why.SCHEME, "Pictures are fetched by http and https only. Give such a URL."
        )
    if "@" in parts["authority"]:
        raise fetch_failed(
            Why.CREDENTIALS,
            "The URL holds a user name or a password, which this server sends to nobody. "
            "Send the picture itself or a URL without them.",
        )
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise _malformed("its host or port is not written plainly")
    host, address = _read_host(authority)
    port = int(authority["port"]) if authority["port"] else _DEFAULT_PORTS[scheme]
    target = parts["target"]
    return PictureUrl(scheme, host, port, target if target[:1] == "/" else f"/{target}", address)


def _read_host(authority: re.Match[str]) -> tuple[str, Address | None]:
    try:
        if authority["v6"]:
            v6 = IPv6Address(authority["v6"])
            return str(v6), v6
        host = authority["name"].lower()
        if _ENDS_IN_A_NUMBER.fullmatch(host):
            return host, IPv4Address(host)
    except AddressValueError as error:
        raise _malformed("its address is not written as 203.0.113.7 or [2001:db8::7]") from error
    if len(host) > _MAX_NAME_CHARACTERS or not _NAME.fullmatch(host):
        raise _malformed("its host is no name")
    return host, None


def _malformed(what: str) -> JointTrackError:
    return fetch_failed(
        Why.URL,
        f"The URL cannot be used: {what}. Write it plainly: the host in letters, digits and "
        "hyphens, everything else percent-encoded.",
        what=what,
    )
