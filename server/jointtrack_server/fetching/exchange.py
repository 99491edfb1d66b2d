"""One GET, from an address that was checked before. Imported at the first fetch: httpcore and its
certificates take a tenth of a second."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

import httpcore

from jointtrack_server.fetching.addresses import Address
from jointtrack_server.fetching.network import PinnedNetwork
from jointtrack_server.fetching.refusals import Why, fetch_failed
from jointtrack_server.fetching.url import PictureUrl

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BINARY_TYPES = frozenset({"application/octet-stream", "binary/octet-stream"})
_FREE_PARTS = 1024
_MIN_PART_BYTES = 512
"""A chunk of one byte costs the event loop as much as one of 16 KiB: after the first
``_FREE_PARTS``, parts must have this size on average."""

_BROKEN = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    OSError,  # ssl.SSLError is one: damaged TLS records come through as they are
)
_FAILURES: Mapping[Why, str] = {
    Why.CONNECT: '"{host}" cannot be reached. Check the URL, or try again later.',
    Why.TLS: '"{host}" speaks no TLS that can be trusted: it needs a valid certificate of its '
    "name. Check the URL, or send the picture itself.",
    Why.PROTOCOL: '"{host}" broke off or does not answer in sound HTTP/1.1. Try again, or send '
    "the picture itself.",
}

# At debug level it writes addresses, headers and targets into the log.
logging.getLogger("httpcore").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the picture is said to be."""

    location: str


class Exchange:
    """Sends no cookies, no credentials and no referrer, and asks no proxy: httpcore, unlike what is
    built on it, reads nothing from the environment.

    https trusts the system's certificate authorities, those of SSL_CERT_FILE, and certifi's.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._trusted = httpcore.default_ssl_context()
        self._headers = (
            ("User-Agent", f"jointtrack/{version('jointtrack')}"),
            ("Accept", "image/*, application/octet-stream;q=0.5"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        )

    async def get(self, url: PictureUrl, addresses: tuple[Address, ...]) -> bytes | Redirect:
        """The body, or where to go on. Raises JointTrackError IMAGE_FETCH_FAILED."""
        network = PinnedNetwork(addresses)
        origin = httpcore.Origin(url.scheme.encode(), url.host.encode(), url.port)
        connection = httpcore.AsyncHTTPConnection(
            origin, ssl_context=self._trusted, network_backend=network
        )
        target = httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target)
        headers = [("Host", url.authority), *self._headers]
        try:
            async with connection.stream("GET", target, headers=headers) as response:
                network.head_is_read = True
                if response.status in _REDIRECTS:
                    return Redirect(_location(response))
                self._check_head(response)
                return await self._read(response)
        except _BROKEN as error:
            raise fetch_failed(
                network.stage, _FAILURES[network.stage].format(host=url.host), host=url.host
            ) from error
        finally:
            await network.aclose()

    def _check_head(self, response: httpcore.Response) -> None:
        """What the head says of the body, before any of it is read."""
        if response.status != 200:
            raise fetch_failed(
                Why.STATUS,
                f"The picture's server answered with status {response.status}, not 200. "
                "Check that the URL can be read by anybody.",
                status=response.status,
            )
        for media_type in _values(response, b"content-type"):
            kind = media_type.partition(";")[0].strip().lower()
            if kind and not kind.startswith("image/") and kind not in _BINARY_TYPES:
                raise fetch_failed(
                    Why.CONTENT_TYPE,
                    "The URL leads to something that is no picture: its Content-Type is neither "
                    "image/* nor application/octet-stream. Give the URL of the picture itself.",
                )
        if any(value.lower() != "identity" for value in _values(response, b"content-encoding")):
            raise fetch_failed(
                Why.CONTENT_ENCODING,
                "The picture's server compressed it although it was asked not to. "
                "Send the picture itself.",
            )
        for length in _values(response, b"content-length"):
            self._check_size(int(length), "")

    async def _read(self, response: httpcore.Response) -> bytes:
        parts, size_bytes = [], 0
        async for part in response.aiter_stream():
            parts.append(part)
            size_bytes += len(part)
            self._check_size(size_bytes, " or more")
            if len(parts) > _FREE_PARTS + size_bytes // _MIN_PART_BYTES:
                raise httpcore.RemoteProtocolError("parts too small")
        return b"".join(parts)

    def _check_size(self, size_bytes: int, more: str) -> None:
        if size_bytes > self._max_bytes:
            raise fetch_failed(
                Why.TOO_LARGE,
                f"The picture has {size_bytes} bytes{more}, the limit is {self._max_bytes}. "
                "Give the URL of a smaller one.",
                bytes=size_bytes,
                max_bytes=self._max_bytes,
            )


def _values(response: httpcore.Response, name: bytes) -> list[str]:
    return [
        value.decode("latin-1").strip() for key, value in response.headers if key.lower() == name
    ]


def _location(response: httpcore.Response) -> str:
    locations = _values(response, b"location")
    if len(locations) != 1:
        raise fetch_failed(
            Why.REDIRECT, "The picture's server redirects without saying where. Check the URL."
        )
    return locations[0]
