"""What may be fetched: the operator's settings, checked against a URL and its addresses."""

from dataclasses import dataclass

from jointtrack_server.fetching.addresses import Address, Network, is_public
from jointtrack_server.fetching.refusals import Why, fetch_failed
from jointtrack_server.fetching.url import PictureUrl


@dataclass(frozen=True, slots=True)
class FetchRules:
    """``hosts`` are names or ``*.example.com`` in small letters, none means any; ``networks`` are
    those fetched from although they are not public."""

    max_bytes: int
    enabled: bool = True
    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = (80, 443)
    networks: tuple[Network, ...] = ()
    timeout_s: float = 10.0
    max_fetches: int = 16

    def check_url(self, url: PictureUrl) -> None:
        """Raises JointTrackError IMAGE_FETCH_FAILED: HOST_NOT_ALLOWED, PORT_NOT_ALLOWED, or
        ADDRESS_NOT_ALLOWED for an address written out."""
        if self.hosts and not any(_matches(url.host, pattern) for pattern in self.hosts):
            raise fetch_failed(
                Why.HOST_NOT_ALLOWED,
                f'This server fetches no pictures from "{url.host}". Send the picture itself, or '
                "ask its operator to allow the host.",
                host=url.host,
            )
        if url.port not in self.ports:
            ports = ", ".join(str(port) for port in self.ports)
            raise fetch_failed(
                Why.PORT_NOT_ALLOWED,
                f"This server fetches no pictures from port {url.port}. Use one of: {ports}.",
                port=url.port,
                accepted=ports,
            )
        if url.address is not None:
            self.check_addresses(url.host, (url.address,))

    def check_addresses(self, host: str, addresses: tuple[Address, ...]) -> None:
        """Raises JointTrackError IMAGE_FETCH_FAILED, ADDRESS_NOT_ALLOWED, unless all may be used.

        A name without any is told as one of a private address: the answer does not say which names
        a private network knows.
        """
        if not addresses or not all(self._allows(address) for address in addresses):
            raise fetch_failed(
                Why.ADDRESS_NOT_ALLOWED,
                f'"{host}" has no public address that this server may fetch from. Check the URL, '
                "or send the picture itself.",
                host=host,
            )

    def _allows(self, address: Address) -> bool:
        return is_public(address) or any(address in network for network in self.networks)


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
