"""How a line of the log looks, and what every line says while a request is worked for."""

import asyncio
import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any

import pytest

from jointtrack_server.observability import request_log
from jointtrack_server.observability.logs import LogFormat, configure_logging
from jointtrack_server.observability.metrics import Metrics
from jointtrack_server.observability.observer import Called, Observer
from jointtrack_server.observability.request_id import IDS
from jointtrack_server.observability.request_log import LogRequests, RequestLog
from jointtrack_server.pipeline.runner import Runner

CALLED = Called("jointtrack.v1.JointTrackService/Detect", {})
OURS = logging.getLogger("jointtrack_server.somewhere")

Lines = Callable[[], list[str]]


@pytest.fixture
def configured(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Lines]]:
    """Logging as the server sets it up, and the lines that it writes."""
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "jointtrack_server")}
    handlers = root.handlers[:]

    def configure(log_format: LogFormat, level: str = "info") -> Lines:
        root.handlers.clear()
        configure_logging(level, log_format)

        def lines() -> list[str]:
            return capsys.readouterr().err.splitlines()

        return lines

    yield configure
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def request(
    code: str = "OK", log_requests: LogRequests = "all", *, called: Called | None = CALLED
) -> None:
    """In a context of its own, as the doors' requests are."""
    copy_context().run(_request, code, log_requests, called)


def _request(code: str, log_requests: LogRequests, called: Called | None) -> None:
    log = RequestLog(log_requests)
    observer = Observer(Metrics(), log)
    fields = {"x-request-id": "visit-42"}
    with observer.request("grpc", "Detect", fields, called=called, peer="192.0.2.1") as observed:
        OURS.warning("while it is worked for")
        observed.key_id = "0badc0de"
        observed.code = code
        observed.facts["people"] = 2
    log.close()


def test_json(configured: Callable[..., Lines]) -> None:
    lines = configured("json")
    OURS.info("before")
    request()
    before, meanwhile, line = (json.loads(one) for one in lines())
    assert "request_id" not in before
    assert meanwhile["request_id"] == "visit-42"
    assert meanwhile["message"] == "while it is worked for"
    assert meanwhile["logger"] == "jointtrack_server.somewhere"
    assert meanwhile["level"] == "WARNING"
    assert line.pop("timestamp").startswith("20")
    assert line.pop("duration_ms") > 0.0
    assert line == {
        "level": "INFO",
        "logger": "jointtrack_server.requests",
        "message": "request",
        "door": "grpc",
        "method": "Detect",
        "code": "OK",
        "key_id": "0badc0de",
        "peer": "192.0.2.1",
        "people": 2,
        "request_id": "visit-42",
    }


async def test_lines_from_a_worker_thread_say_whose_they_are(
    configured: Callable[..., Lines],
) -> None:
    lines, runner = configured("json"), Runner(2, 2)

    async def work(request_id: str) -> None:
        IDS.set({"request_id": request_id})
        await runner.run(lambda: OURS.warning("of %s", request_id))

    try:
        await asyncio.gather(*(work(f"visit-{number}") for number in range(4)))
    finally:
        runner.close()
    found = [json.loads(line) for line in lines()]
    assert len(found) == 4
    assert all(one["message"] == f"of {one['request_id']}" for one in found)


def test_console(configured: Callable[..., Lines]) -> None:
    lines = configured("console")
    OURS.info("before")
    request("INVALID_IMAGE")
    before, meanwhile, line = lines()
    assert before.endswith(" INFO jointtrack_server.somewhere: before")
    assert meanwhile.endswith(": while it is worked for request_id=visit-42")
    assert " INFO jointtrack_server.requests: request door=grpc method=Detect code=" in line
    assert " key_id=0badc0de peer=192.0.2.1 people=2 request_id=visit-42" in line


def test_auto_is_json_where_nobody_looks(configured: Callable[..., Lines]) -> None:
    lines = configured("auto")
    OURS.info("here")
    assert json.loads(lines()[0])["message"] == "here"


def test_auto_is_text_on_a_terminal(
    configured: Callable[..., Lines], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    lines = configured("auto")
    OURS.info("here")
    assert lines()[0].endswith("jointtrack_server.somewhere: here")


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("OK", "INFO"),
        ("CANCELLED", "INFO"),
        ("INVALID_IMAGE", "INFO"),
        ("RATE_LIMITED", "INFO"),
        ("OVERLOADED", "WARNING"),
        ("INTERNAL", "ERROR"),
    ],
)
def test_the_level_says_whose_fault_it_was(
    configured: Callable[..., Lines], code: str, level: str
) -> None:
    lines = configured("json")
    request(code)
    assert json.loads(lines()[-1])["level"] == level


def test_requests_may_be_left_out(configured: Callable[..., Lines]) -> None:
    lines = configured("json")
    for code in ("OK", "INVALID_IMAGE"):
        for log_requests in ("all", "failed", "none"):
            request(code, log_requests)
        request(code, called=None)
    found = [json.loads(line) for line in lines()]
    assert [one["code"] for one in found if one["message"] == "request"] == [
        "OK",
        "INVALID_IMAGE",
        "INVALID_IMAGE",
    ]


def test_a_level_above_leaves_them_out_too(configured: Callable[..., Lines]) -> None:
    lines = configured("json", "warning")
    request()
    request("OVERLOADED")
    assert [json.loads(line).get("code") for line in lines()] == [None, None, "OVERLOADED"]


def test_an_error_comes_with_its_traceback(configured: Callable[..., Lines]) -> None:
    lines = configured("json")
    try:
        raise ValueError("broken")
    except ValueError:
        OURS.exception("failed")
    (line,) = lines()
    assert json.loads(line)["exc_info"].endswith("ValueError: broken")


def test_libraries_and_warnings_look_the_same(configured: Callable[..., Lines]) -> None:
    lines = configured("json")
    logging.getLogger("grpc").info("too much to know")
    logging.getLogger("grpc").warning("something odd")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    found = [json.loads(line) for line in lines()]
    assert [one["logger"] for one in found] == ["grpc", "py.warnings"]
    assert "DeprecationWarning: old" in found[1]["message"]


def test_an_exporter_that_finds_nobody_complains_once_a_minute(
    configured: Callable[..., Lines], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, now_s = configured("json"), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    exporter = logging.getLogger("opentelemetry.exporter.otlp.proto.grpc.exporter")
    for _ in range(100):
        exporter.error("Failed to export")
        OURS.error("ours")
    now_s += 61.0
    exporter.error("Failed to export")
    found: list[dict[str, Any]] = [json.loads(line) for line in lines()]
    assert sum(one["message"] == "Failed to export" for one in found) == 2
    assert sum(one["message"] == "ours" for one in found) == 100


def test_lines_that_wait_are_written_in_order_before_the_end(
    configured: Callable[..., Lines],
) -> None:
    lines, log = configured("json"), RequestLog("all")
    observer = Observer(Metrics(), log)
    for number in range(200):
        with observer.request("grpc", "Detect", {}, called=CALLED) as observed:
            observed.facts["people"] = number
    log.close()
    found = [json.loads(line) for line in lines()]
    assert [one["people"] for one in found] == list(range(200))
    moments = [one["timestamp"] for one in found]
    assert moments == sorted(moments)


def test_a_request_that_ends_after_the_log_is_written_at_once(
    configured: Callable[..., Lines],
) -> None:
    lines, log = configured("json"), RequestLog("all")
    log.close()
    with Observer(Metrics(), log).request("grpc", "Detect", {}, called=CALLED):
        pass
    assert len(lines()) == 1


def test_where_nobody_takes_the_lines_requests_wait_with_them(
    configured: Callable[..., Lines], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than the limit wait in memory, and none is lost."""
    monkeypatch.setattr(request_log, "_MAX_WAITING", 0)
    lines, log = configured("json"), RequestLog("all")
    with Observer(Metrics(), log).request("grpc", "Detect", {}, called=CALLED):
        pass
    assert len(lines()) == 1
    log.close()
