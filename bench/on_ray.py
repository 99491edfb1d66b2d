"""`make bench-ray`: models in the server against models on Ray Serve, and against Ray's own gRPC.

Each server runs alone, one after another, in every round, so that none idles beside another.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import load, report
from bench.cases import CHAIN, LIGHTNING, ONE_PASS, PICTURE, chain_call, one_pass_load, stream_load
from bench.load import DETECT, Load
from bench.servers import Server, jointtrack, module

INSIDE_TIMEOUT_S = 600
"""For the process that looks at single steps."""
NODE_CPUS = 8
"""Of a node on paper."""
MODELS = (LIGHTNING, "movenet-thunder", "movenet-multipose")


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to serve; ``is_whole`` if it does more than one pass."""

    start: Callable[[], AbstractContextManager[Server]]
    is_whole: bool = True


@dataclass(slots=True)
class Found:
    """What the rounds have given so far."""

    rows: dict[str, report.Row] = field(default_factory=dict)
    start_s: dict[str, list[float]] = field(default_factory=dict)
    memory_mb: dict[str, list[float]] = field(default_factory=dict)
    door_cpu_ms: dict[str, list[float]] = field(default_factory=dict)
    """Of the server's own process, an answer; a row's CPU is that of all its processes."""


def on_ray(replicas: int) -> AbstractContextManager[Server]:
    """So many replicas of each model, on a cluster of the server's own."""
    size = {"min_replicas": replicas, "max_replicas": replicas, "max_ongoing": 8}
    return jointtrack(backend="ray", ray_models=json.dumps(dict.fromkeys(MODELS, size)))


KINDS: dict[str, Kind] = {
    "local": Kind(jointtrack),
    "ray, 1 replica": Kind(lambda: on_ray(1)),
    "ray, 2 replicas": Kind(lambda: on_ray(2)),
    "Ray's gRPC, 1 replica": Kind(lambda: module("bench.ray_grpc", "1"), is_whole=False),
    "Ray's gRPC, 2 replicas": Kind(lambda: module("bench.ray_grpc", "2"), is_whole=False),
}


def cells(server: Server, kind: Kind) -> dict[str, Load]:
    """What each server is asked."""
    found = {
        f"Detect, {ONE_PASS}, 1 caller": one_pass_load(server, 1),
        f"Detect, {ONE_PASS}, 16 callers": one_pass_load(server, 16),
        "StreamDetect, Lightning, 8 streams": stream_load(server, LIGHTNING, 8, in_flight=4),
    }
    if kind.is_whole:
        chain = Load("unary", server.grpc, DETECT, chain_call(PICTURE.read_bytes()), 16)
        found[f"Detect, {CHAIN}, 16 callers"] = chain
    return found


@contextmanager
def one_round(name: str, kind: Kind, found: Found) -> Iterator[Server]:
    """A server that has just answered its first picture."""
    began = time.perf_counter()
    with kind.start() as server:
        load.run(one_pass_load(server, 1), 0.001)
        found.start_s.setdefault(name, []).append(time.perf_counter() - began)
        for wanted in cells(server, kind).values():
            load.run(wanted, 0.5)
        yield server
        found.memory_mb.setdefault(name, []).append(tree_mb(server.process))


def measure(name: str, kind: Kind, seconds: float, found: Found) -> None:
    with one_round(name, kind, found) as server:
        for cell, wanted in cells(server, kind).items():
            cpu_s, door_cpu_s = tree_cpu_s(server.process), server.cpu_s()
            outcome = load.run(wanted, seconds)
            row = found.rows.setdefault(f"{cell}: {name}", report.Row(f"{cell}: {name}"))
            row.rates.append(outcome.pace.rate)
            row.latencies_ms += outcome.pace.latencies_ms
            row.load_cpu_ms.append(outcome.pace.cpu_ms)
            answers = max(len(outcome.pace.latencies_ms), 1)
            row.cpu_ms.append((tree_cpu_s(server.process) - cpu_s) * 1000.0 / answers)
            door_ms = (server.cpu_s() - door_cpu_s) * 1000.0 / answers
            found.door_cpu_ms.setdefault(row.name, []).append(door_ms)
            for code, count in outcome.refused.items():
                row.refused[code] = row.refused.get(code, 0) + count


def tree(process: psutil.Process) -> list[psutil.Process]:
    """With all that it started: Ray is a dozen processes."""
    return [process, *process.children(recursive=True)]


def tree_cpu_s(process: psutil.Process) -> float:
    total = 0.0
    for one in tree(process):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def tree_mb(process: psutil.Process) -> float:
    """Proportional set size: what processes share is counted once."""
    total = 0
    for one in tree(process):
        try:
            total += one.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def inside(seconds: float) -> dict[str, Any]:
    """What ``bench.ray_inside`` prints."""
    command = [sys.executable, "-m", "bench.ray_inside", str(seconds)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=INSIDE_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    steps: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return steps


def facts_of(found: Found, steps: dict[str, Any]) -> list[str]:
    """A line for each, under the tables."""
    facts = [f"Start to first answer, {k}: {min(v):.1f} s" for k, v in found.start_s.items()]
    facts += [f"Memory after the load, {k}: {max(v):.0f} MB" for k, v in found.memory_mb.items()]
    facts += [
        f"One inference of {one['model']}: {one['local_ms']:.2f} ms here, "
        f"{one['remote_ms']:.2f} ms on a replica, {one['overhead_ms']:.2f} ms more; "
        f"{one['door_cpu_ms']:.2f} ms CPU at the door, {one['bytes']} bytes sent"
        for one in steps["overhead"]
    ]
    facts.append(f"Second replica after {steps['scale_up_s']:.1f} s of load")
    return facts


def on_paper(found: Found) -> list[str]:
    """What nodes carry if CPU alone decides, and how much of it doors take."""
    facts = []
    for what in (ONE_PASS, CHAIN):
        cell = f"Detect, {what}, 16 callers"
        alone, spread = (f"{cell}: {name}" for name in ("local", "ray, 2 replicas"))
        alone_ms, spread_ms = (statistics.median(found.rows[at].cpu_ms) for at in (alone, spread))
        door_ms = statistics.median(found.door_cpu_ms[spread])
        facts.append(
            f"On paper, {what}: a picture takes {alone_ms:.1f} ms of CPU without Ray and "
            f"{spread_ms:.1f} with it, {door_ms:.1f} of them at the door. A node of "
            f"{NODE_CPUS} CPUs answers {NODE_CPUS * 1000 / alone_ms:.0f} a second without Ray, "
            f"{NODE_CPUS * 1000 / spread_ms:.0f} with it"
        )
    return facts


def show_crossings(rows: list[dict[str, Any]]) -> None:
    table = Table("Sent for a step", "Picture", "Bytes", "p50 ms", "Door's CPU ms", "Replica's")
    for row in rows:
        values = (row["p50_ms"], row["door_cpu_ms"], row["replica_cpu_ms"])
        table.add_row(
            row["sent"], row["picture"], str(row["bytes"]), *(f"{one:.2f}" for one in values)
        )
    Console(width=160).print(table)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.2, help="For each measurement.")] = 4.0,
) -> None:
    """Compare models in the server with models on Ray Serve and with Ray's own gRPC proxy."""
    found = Found()
    with Progress() as progress:
        task = progress.add_task("single steps", total=rounds * len(KINDS) + 1)
        steps = inside(seconds)
        progress.advance(task)
        for _ in range(rounds):
            for name, kind in KINDS.items():
                progress.update(task, description=name)
                measure(name, kind, seconds, found)
                progress.advance(task)
    facts = [*facts_of(found, steps), *on_paper(found)]
    rows = [found.rows[name] for name in sorted(found.rows)]
    report.show(rows, facts)
    show_crossings(steps["crossings"])
    more = {"start_s": found.start_s, "memory_mb": found.memory_mb, "steps": steps}
    file = report.write(rows, {**more, "seconds": seconds, "rounds": rounds, "facts": facts})
    print(f"Written to {file}")


if __name__ == "__main__":
    typer.run(main)
