"""The id by which a caller's report finds a request in the log."""

import re
import secrets

_SANE = re.compile(r"[\w.-]{1,64}", re.ASCII)


def request_id(given: str | None) -> str:
    """The caller's own id, if it is a sane one (1 to 64 letters, digits, _ . -), or a new one."""
    return given if given and _SANE.fullmatch(given) else secrets.token_hex(8)
