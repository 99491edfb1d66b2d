"""The id by which a caller's report finds a request in the log."""

import re
import secrets
from collections.abc import Mapping
from contextvars import ContextVar

_SANE = re.compile(r"(?!.*jt_)[\w.-]{1,64}", re.ASCII | re.IGNORECASE)


IDS: ContextVar[Mapping[str, str]] = ContextVar("ids")
"""What every line of the log says while a request is worked for: its id, and its trace's."""


def request_id(given: str | None) -> str:
    """The caller's own id, if it is a sane one (1 to 64 letters, digits, _ . -) and no API key, or
    a new one."""
    return given if given and _SANE.fullmatch(given) else secrets.token_hex(8)
