"""Why a picture is not fetched, in words that tell a caller nothing about the server's network."""

from enum import StrEnum

from jointtrack_server.errors import JointTrackError, Reason


class Why(StrEnum):
    """The ``why`` in the metadata of IMAGE_FETCH_FAILED; stable, programs may rely on it."""

    DISABLED = "disabled"
    URL = "url"
    SCHEME = "scheme"
    CREDENTIALS = "credentials"
    PORT_NOT_ALLOWED = "port_not_allowed"
    HOST_NOT_ALLOWED = "host_not_allowed"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    PROTOCOL = "protocol"
    STATUS = "status"
    REDIRECT = "redirect"
    CONTENT_TYPE = "content_type"
    CONTENT_ENCODING = "content_encoding"
    TOO_LARGE = "too_large"
    TIMEOUT = "timeout"


def fetch_failed(why: Why, message: str, **parts: object) -> JointTrackError:
    """IMAGE_FETCH_FAILED; ``parts`` are the dynamic parts of the message.

    Of the URL only a host that was found well-formed may be among them: credentials stand before
    it, and signatures in the query.
    """
    return JointTrackError(
        Reason.IMAGE_FETCH_FAILED,
        message,
        field="image",
        metadata={"why": why, **parts},
    )
