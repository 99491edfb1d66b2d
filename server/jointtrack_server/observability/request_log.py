"""The line that the log gets of each request, at its end."""

import logging
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Literal

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import Reason
from jointtrack_server.observability.codes import OK
from jointtrack_server.observability.logs import written_together

if TYPE_CHECKING:
    from jointtrack_server.observability.observer import ObservedRequest

_LOG = logging.getLogger("jointtrack_server.requests")

LogRequests = Literal["all", "failed", "none"]

_LEVELS = {
    reason.value: logging.WARNING for reason, codes in ERROR_CODES.items() if codes.is_server_fault
} | {Reason.INTERNAL.value: logging.ERROR}
"""Of those that were the server's fault; what callers do wrong is no more than information."""


_TOGETHER_S = 0.1
_MAX_TOGETHER = 1000
_MAX_WAITING = 10_000


class RequestLog:
    """Writes lines on a thread of its own, those of a tenth of a second one after another: so they
    take a fifth of what they would each between two inferences. ``close`` writes those that wait.
    """

    def __init__(self, wanted: LogRequests) -> None:
        self._wanted = wanted
        self._ended: SimpleQueue[tuple[ObservedRequest, float, float] | None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="request_log", daemon=True)
        self._thread.start()

    def add(self, request: "ObservedRequest", seconds: float) -> None:
        """A request that has ended now. Where nobody takes the lines, its end waits with them."""
        if self._wanted == "none" or (self._wanted == "failed" and request.code == OK):
            return
        if self._closing.is_set() or self._ended.qsize() >= _MAX_WAITING:
            _log(request, seconds, time.time())
        else:
            self._ended.put((request, seconds, time.time()))

    def close(self) -> None:
        """Blocks until all lines are written."""
        self._closing.set()
        self._ended.put(None)
        self._thread.join()

    def _write(self) -> None:
        while (one := self._ended.get()) is not None:
            with written_together():
                _log(*one)
                for _ in range(min(self._ended.qsize(), _MAX_TOGETHER)):
                    if (more := self._ended.get()) is None:
                        return
                    _log(*more)
            self._closing.wait(_TOGETHER_S)


def _log(request: "ObservedRequest", seconds: float, ended_at_s: float) -> None:
    level = _LEVELS.get(request.code, logging.INFO)
    if not _LOG.isEnabledFor(level):
        return
    fields: dict[str, object] = {
        "door": request.door,
        "method": request.method,
        "code": request.code,
        "duration_ms": round(seconds * 1000.0, 3),
    }
    more = {
        "http_method": request.http_method,
        "http_status": request.http_status,
        "key_id": request.key_id,
        "peer": request.peer,
    }
    fields |= {name: value for name, value in more.items() if value}
    # As Logger.log makes it, without looking for the line of code that asked.
    record = logging.LogRecord(_LOG.name, level, "", 0, "request", None, None)
    record.created, record.msecs = ended_at_s, ended_at_s % 1.0 * 1000.0
    vars(record).update(fields, **request.facts, **request.ids)
    _LOG.handle(record)
