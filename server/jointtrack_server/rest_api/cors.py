"""Which web pages of other origins may call the server, and read its answers (CORS)."""

from typing import Any

Headers = list[tuple[bytes, bytes]]

ANY = "*"
_METHODS = ("GET", "HEAD", "POST")
_SENT = ("Content-Type", "X-API-Key", "X-Request-Id", "traceparent", "tracestate")
_READ = ("X-Request-Id", "Retry-After")


class CrossOrigin:
    """The allowed origins: none, some, or with "*" all. Cookies are never allowed."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = origins

    def __bool__(self) -> bool:
        return bool(self._origins)

    def allows(self, origin: str) -> bool:
        """Whether pages of that origin may call."""
        return ANY in self._origins or origin in self._origins

    @property
    def options(self) -> dict[str, Any]:
        """Of Starlette's ``CORSMiddleware``, which sees all requests that become one."""
        return {
            "allow_origins": self._origins,
            "allow_methods": _METHODS,
            "allow_headers": _SENT,
            "expose_headers": _READ,
        }

    def refusal_headers(self, origin: str | None) -> Headers:
        """What lets a page read a refusal below ASGI.

        ``origin`` is None where it was not read. It is then taken for the only one that may be.
        """
        if not self._origins:
            return []
        exposed = (b"access-control-expose-headers", ", ".join(_READ).encode())
        if ANY in self._origins:
            return [(b"access-control-allow-origin", b"*"), exposed]
        if origin is None and len(self._origins) == 1:
            origin = self._origins[0]
        vary = (b"vary", b"Origin")
        if origin is None or not self.allows(origin):
            return [vary]
        return [(b"access-control-allow-origin", origin.encode()), exposed, vary]
