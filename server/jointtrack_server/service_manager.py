"""Tells systemd, or whatever else listens at NOTIFY_SOCKET, that the server is ready."""

import logging
import os
import socket

_LOG = logging.getLogger(__name__)


def tell_ready() -> None:
    """As sd_notify(3) says it; nothing without NOTIFY_SOCKET."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
            notifying.connect(address)
            notifying.sendall(b"READY=1")
    except OSError as error:
        _LOG.warning("the service manager cannot be told that the server is ready: %s", error)
