"""What is logged, and how it looks."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from io import StringIO
from json import JSONEncoder
from typing import Any, Literal, TextIO

from jointtrack_server.observability.request_id import IDS

LogFormat = Literal["auto", "console", "json"]

_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
_STANDARD.add("_ray_timestamp_ns")  # what Ray, once imported, adds to every record
_ENCODE = JSONEncoder(default=str).encode
_EXPORTER = "opentelemetry"
_COMPLAINS_EVERY_S = 60.0


def configure_logging(level: str, log_format: LogFormat) -> None:
    """Ours from ``level`` on; of the libraries, and of Python's warnings, warnings only, for below
    that stands what callers send."""
    handler = _Lines()
    handler.addFilter(add_ids)
    handler.addFilter(_Seldom())
    handler.setFormatter(_formatter(log_format))
    logging.basicConfig(
        level=max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]),
        handlers=[handler],
    )
    logging.captureWarnings(True)
    logging.getLogger("jointtrack_server").setLevel(level.upper())
    # It quotes the bodies that it cannot read; callers are told, and nobody else.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    # It warns of every request that is no HTTP: whoever sends garbage would fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


class _Lines(logging.StreamHandler[TextIO]):
    """On standard error; those of one thread in one write, if it says so."""

    @contextmanager
    def together(self) -> Iterator[None]:
        assert self.lock is not None
        with self.lock:
            shown, held = self.stream, StringIO()
            self.stream = held
            try:
                yield
            finally:
                self.stream = shown
                with suppress(OSError, ValueError):  # nobody reads it any more
                    shown.write(held.getvalue())
                    self.flush()


@contextmanager
def written_together() -> Iterator[None]:
    """What this thread logs meanwhile is written at the end, at once; other threads wait."""
    with ExitStack() as stack:
        for handler in logging.getLogger().handlers:
            if isinstance(handler, _Lines):
                stack.enter_context(handler.together())
        yield


def _formatter(log_format: LogFormat) -> logging.Formatter:
    if log_format == "console" or (log_format == "auto" and sys.stderr.isatty()):
        return _ConsoleFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    return _JsonFormatter()


class _JsonFormatter(logging.Formatter):
    """A line of JSON. It takes half the time of structlog's or python-json-logger's, and each
    request has one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_more(record),
        }
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        return _ENCODE(line)


class _ConsoleFormatter(logging.Formatter):
    """A line as of old, and at its end what else is known."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        more = (f"{key}={value}" for key, value in _more(record).items())
        return " ".join([super().formatMessage(record), *more])


def _more(record: logging.LogRecord) -> dict[str, Any]:
    """What was logged beside the message."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def add_ids(record: logging.LogRecord) -> bool:
    """Adds the ids of the request that is worked for."""
    ids = IDS.get(None)
    if ids is not None:
        vars(record).update(ids)
    return True


class _Seldom(logging.Filter):
    """Lets the trace exporter say once a minute, and not with every batch, that nobody listens."""

    def __init__(self) -> None:
        super().__init__()
        self._next_at_s = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_EXPORTER):
            return True
        now_s = time.monotonic()
        if now_s < self._next_at_s:
            return False
        self._next_at_s = now_s + _COMPLAINS_EVERY_S
        return True
