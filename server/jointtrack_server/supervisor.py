"""Several server processes on the same ports; one that dies is replaced."""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from prometheus_client import Counter

from jointtrack_server.cpus import available_cpus
from jointtrack_server.errors import StartupError
from jointtrack_server.observability.catalogue import REPLACEMENTS
from jointtrack_server.observability.logs import configure_logging
from jointtrack_server.observability.shared import SharedCounts, shared_counts
from jointtrack_server.serving import run_server
from jointtrack_server.settings import Settings

_LOG = logging.getLogger(__name__)

_STEADY_S = 10.0
"""A process that lived so long is started again at once."""
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_KILL_AFTER_GRACE_S = 5.0
_CANNOT_START = 3
"""Exit status of a process that refused its settings: starting it again would not help."""
_ENDED_WELL = (0, -signal.SIGTERM)
"""Drained, or told to stop before it had begun to serve."""


@dataclass(slots=True)
class _Member:
    """One server process and when to start it (again), on ``time.monotonic``'s clock."""

    number: int
    process: SpawnProcess | None = None
    began_s: float = 0.0
    start_at_s: float = 0.0
    pause_s: float = _FIRST_PAUSE_S


@dataclass(slots=True)
class Supervisor:
    """Starts ``settings.processes`` servers and replaces those that die, until SIGINT or SIGTERM.

    They share the ports (SO_REUSEPORT) and the key store, and nothing else: what is under way in
    one that dies is lost, and its callers try again on another.
    """

    settings: Settings
    _members: list[_Member] = field(default_factory=list)
    _counts: SharedCounts = field(init=False)

    def run(self) -> int:
        """The exit status: 0 if every process ended well after a signal.

        Raises StartupError if a port or a folder to count in cannot be had.
        """
        configure_logging(self.settings.log_level, self.settings.log_format)
        self._members = [_Member(number) for number in range(self.settings.processes)]
        with (
            _held_ports(self.settings) as settings,
            _signals() as signalled,
            shared_counts() as self._counts,
        ):
            self.settings = _share(settings)
            self._counts.join("supervisor")
            replacements = Counter(REPLACEMENTS.name, REPLACEMENTS.meaning, registry=None)
            status = 0
            while status == 0 and not signalled.poll():
                self._start_due()
                wait([signalled, *self._sentinels()], timeout=self._next_start_in_s())
                status = self._look_after(replacements)
            return self._stop() or status

    def _start_due(self) -> None:
        now_s = time.monotonic()
        for member in self._members:
            if member.process is None and now_s >= member.start_at_s:
                member.process = multiprocessing.get_context("spawn").Process(
                    target=_serve,
                    args=(
                        self.settings,
                        member.number == 0 and member.began_s == 0.0,
                        self._counts,
                        member.number,
                    ),
                    name=f"jointtrack {member.number}",
                )
                member.began_s = now_s
                member.process.start()

    def _sentinels(self) -> list[int]:
        return [one.process.sentinel for one in self._members if one.process is not None]

    def _next_start_in_s(self) -> float | None:
        due_s = [one.start_at_s for one in self._members if one.process is None]
        return max(0.0, min(due_s) - time.monotonic()) if due_s else None

    def _look_after(self, replacements: Counter) -> int:
        """Plans a new start for each process that ended; not 0 if that is of no use."""
        for member in self._members:
            if member.process is None or member.process.is_alive():
                continue
            status = member.process.exitcode
            member.process = None
            self._counts.leave(member.number)
            if status == _CANNOT_START:
                return 1
            replacements.inc()
            now_s = time.monotonic()
            if now_s - member.began_s >= _STEADY_S:
                member.pause_s = 0.0
            member.start_at_s = now_s + member.pause_s
            _LOG.error(
                "server process %d ended (%s); starting another in %.1f s",
                member.number,
                _cause(status),
                member.pause_s,
            )
            member.pause_s = min(max(2 * member.pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        return 0

    def _stop(self) -> int:
        """Lets every process drain; 0 if all ended well."""
        running = [one.process for one in self._members if one.process is not None]
        for process in running:
            process.terminate()
        end_s = time.monotonic() + self.settings.drain_grace_s + _KILL_AFTER_GRACE_S
        for process in running:
            process.join(max(0.0, end_s - time.monotonic()))
            if process.is_alive():
                _LOG.error("a server process did not end in time and was killed")
                process.kill()
                process.join()
        return int(any(process.exitcode not in _ENDED_WELL for process in running))


def _serve(settings: Settings, announce: bool, counts: SharedCounts, number: int) -> None:
    """A server process's whole life; it ends with its supervisor."""
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: sys.exit(0))  # until the server serves and drains by itself
    threading.Thread(target=_end_with_parent, args=(counts,), daemon=True).start()
    counts.join(number)
    try:
        run_server(settings, announce=announce, shared=counts)
    except StartupError as error:
        print(f"jointtrack: {error}", file=sys.stderr)
        sys.exit(_CANNOT_START)


def _end_with_parent(counts: SharedCounts) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    counts.remove()
    os.kill(os.getpid(), signal.SIGTERM)


def _share(settings: Settings) -> Settings:
    """The CPUs divided among the processes, where the operator named no number of threads."""
    workers = settings.workers or max(2, 2 * available_cpus() // settings.processes)
    return settings.model_copy(update={"workers": workers})


@contextmanager
def _held_ports(settings: Settings) -> Iterator[Settings]:
    """The settings with port 0 made a number; the ports stay ours while processes come and go."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    ports = {}
    held = []
    try:
        for name in ("grpc_port", "http_port", "metrics_port"):
            port = getattr(settings, name)
            if port is None:
                continue
            try:
                # Another server that shares its ports would share them with us.
                with socket.create_server((settings.host, port), family=family) as probe:
                    port = probe.getsockname()[1]
                one = socket.socket(family, socket.SOCK_STREAM)
                held.append(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                one.bind((settings.host, port))
            except OSError as error:
                raise StartupError(
                    f"Port {port} of {settings.host} cannot be had: {error.strerror}. Choose "
                    f"another --{name.replace('_', '-')}; 0 takes a free one."
                ) from error
            ports[name] = port
        yield settings.model_copy(update=ports)
    finally:
        for one in held:
            one.close()


@contextmanager
def _signals() -> Iterator[Connection]:
    """Becomes readable when the process is told to stop."""
    reading, writing = multiprocessing.Pipe(duplex=False)
    before = {
        sign: signal.signal(sign, lambda *_: writing.send(None))
        for sign in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield reading
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
        reading.close()
        writing.close()


def _cause(status: int | None) -> str:
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"exit status {status}"
