"""The texts of keys: ``jt_<id>_<192 random bits>``."""

import hashlib
import re
import secrets

_SECRET_BYTES = 24
_KEY_ID = re.compile(r"[0-9a-f]{8}")
_TEXT = re.compile(r"jt_[0-9a-f]{8}_[A-Za-z0-9_-]{32}")


def new_key_id() -> str:
    return secrets.token_hex(4)


def is_key_id(text: str) -> bool:
    return _KEY_ID.fullmatch(text) is not None


def new_text(key_id: str) -> str:
    return f"jt_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def is_text(text: str) -> bool:
    return _TEXT.fullmatch(text) is not None


def id_of(text: str) -> str:
    return text[3:11]


def split_text(text: str) -> tuple[str, str] | None:
    """The id and the digest of a key's text; ``None`` if it cannot be one of ours."""
    if not is_text(text):
        return None
    return id_of(text), digest_of(text)


def digest_of(text: str) -> str:
    """SHA-256, which is all that is kept of a key's text.

    A slow, salted hash protects passwords, which people choose and thieves guess. Nobody guesses
    192 random bits, so a quick hash gives nothing away to whoever steals it. Keys are found by
    their id, which is no secret, and their digests are compared in constant time.
    """
    return hashlib.sha256(text.encode()).hexdigest()
