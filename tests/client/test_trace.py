"""The trace of a program that uses OpenTelemetry goes on in the server."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, format_span_id, format_trace_id, use_span

from jointtrack.testing import FakeServer

if TYPE_CHECKING:
    from tests.client.conftest import Shell

CALLS: list["Callable[[Shell], object]"] = [
    lambda shell: shell.detect(b"jpeg"),
    lambda shell: shell.measure({"nose": (1.0, 2.0, 0.9)}, (640, 480), "splits"),
    lambda shell: shell.stream([b"jpeg"]),
]


@pytest.fixture
def span() -> Iterator[Span]:
    provider = TracerProvider(shutdown_on_exit=False)
    yield provider.get_tracer("a program").start_span("visit")
    provider.shutdown()


@pytest.mark.parametrize("call", CALLS, ids=["detect", "measure", "stream"])
def test_a_call_says_which_span_it_is_made_in(
    server: FakeServer, shell: "Shell", span: Span, call: "Callable[[Shell], object]"
) -> None:
    with use_span(span):
        call(shell)
    context = span.get_span_context()
    expected = f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-"
    assert str(server.metadata[-1]["traceparent"]).startswith(expected)


def test_outside_of_a_span_it_says_nothing(server: FakeServer, shell: "Shell") -> None:
    shell.detect(b"jpeg")
    assert "traceparent" not in server.metadata[-1]


def test_a_program_without_opentelemetry_does_not_get_it() -> None:
    program = """
import sys
from jointtrack import JointTrackClient
from jointtrack.testing import FakeServer
with FakeServer() as server, JointTrackClient(server.target) as client:
    client.detect(b"jpeg")
sys.exit("opentelemetry" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
