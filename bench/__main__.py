"""`make bench`: everything against the bare loop of the same round, as a table, JSON and plots."""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.progress import Progress

from bench import bare, load, precision, report
from bench.bare import BareLoop, Pace, decode
from bench.cases import (
    BARE_LOOPS,
    MORE_BARE_LOOPS,
    ONE_PASS,
    OURS,
    PICTURE,
    SERVERS,
    Case,
    cases,
    chain_call,
    one_pass_call,
    one_pass_load,
)
from bench.load import DETECT, Load, Outcome
from bench.servers import Server, jointtrack, module

OVERLOAD_CALLERS = 640
MEGAPIXELS = (0.3, 1.0, 2.0, 8.0, 12.0)
_TWO_PEOPLE = PICTURE.with_name("two_people.jpg")


@dataclass(slots=True)
class Bench:
    """The rounds so far. Loops and loads run in processes of their own, one after another."""

    seconds: float
    rows: dict[str, report.Row]
    bare_process: ProcessPoolExecutor
    load_process: ProcessPoolExecutor
    servers: dict[str, Server]

    def loop(self, name: str, loop: BareLoop) -> Pace:
        picture = PICTURE.read_bytes()
        pace = self.bare_process.submit(bare.run, loop, picture, self.seconds).result()
        self._note(name, pace, pace.cpu_ms)
        return pace

    def case(self, case: Case) -> Outcome:
        server = self.servers[case.server]
        outcome, cpu_ms = self.call(server, case.load(server), case.longer)
        self._note(case.name, outcome.pace, cpu_ms, outcome.pace.cpu_ms)
        row = self.rows[case.name]
        row.gaps_ms += outcome.gaps_ms
        for code, count in outcome.refused.items():
            row.refused[code] = row.refused.get(code, 0) + count
        return outcome

    def call(self, server: Server, wanted: Load, longer: float = 1.0) -> tuple[Outcome, float]:
        """What came of it, and the server's CPU milliseconds an answer."""
        cpu_s = server.cpu_s()
        outcome = self.load_process.submit(load.run, wanted, longer * self.seconds).result()
        answers = len(outcome.pace.latencies_ms)
        if not answers:
            raise RuntimeError(f"{wanted.kind} {wanted.path}: no answer, only {outcome.refused}")
        return outcome, (server.cpu_s() - cpu_s) * 1000.0 / answers

    def _note(self, name: str, pace: Pace, cpu_ms: float, load_cpu_ms: float | None = None) -> None:
        row = self.rows.setdefault(name, report.Row(name))
        row.rates.append(pace.rate)
        row.cpu_ms.append(cpu_ms)
        row.latencies_ms += pace.latencies_ms
        if load_cpu_ms is not None:
            row.load_cpu_ms.append(load_cpu_ms)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 4,
    seconds: Annotated[float, typer.Option(min=0.2, help="For each measurement.")] = 1.5,
) -> None:
    """Compare the server with the bare engine, with FastAPI, and with the naive server."""
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack, Progress() as progress:
        processes = [stack.enter_context(ProcessPoolExecutor(1, context)) for _ in range(2)]
        facts, more = _starts(progress)
        servers = {OURS: stack.enter_context(jointtrack())}
        servers |= {name: stack.enter_context(module(path)) for name, path in SERVERS.items()}
        bench = Bench(seconds, {}, processes[0], processes[1], servers)
        _warm_up(bench)
        for _ in progress.track(range(rounds), description="Rounds"):
            _round(bench)
        peaks = {name: server.peak_mb() for name, server in servers.items()}
        facts.append("Peak memory: " + ", ".join(f"{k} {v:.0f} MB" for k, v in peaks.items()))
        facts += _overload(bench, progress, more)
        curves = _growth(bench, progress)
        difference = processes[0].submit(precision.compare).result()
    facts.append(f"bf16 against f32: {difference}")
    more |= {"peak_mb": peaks, "growth": curves, "seconds": seconds, "rounds": rounds}
    report.show(list(bench.rows.values()), facts)
    file = report.write(list(bench.rows.values()), {**more, "facts": facts})
    report.plot(curves, file.with_suffix(".png"))
    print(f"Written to {file} and {file.with_suffix('.png').name}")


def _round(bench: Bench) -> None:
    """Each bare loop, then at once what is compared with it."""
    limits: dict[str, tuple[Pace, Pace]] = {}
    for name, loop in BARE_LOOPS.items():
        one = bench.loop(f"bare: {name}, 1 thread", replace(loop, threads=1))
        limits[name] = bench.loop(f"bare: {name}", loop), one
        for case in cases():
            if case.limit == name:
                _compare(bench, case, *limits[name])
    for case in cases():
        if case.limit is None:
            bench.case(case)
    for name, loop in MORE_BARE_LOOPS.items():
        bench.loop(f"bare: {name}", loop)


def _compare(bench: Bench, case: Case, limit: Pace, one_thread: Pace) -> None:
    outcome = bench.case(case)
    row = bench.rows[case.name]
    row.ratios.append(outcome.pace.rate / limit.rate)
    row.cpu_ratios.append(limit.cpu_ms / row.cpu_ms[-1])
    if case.name.endswith(("1 caller", "1 streams")):
        waits = outcome.gaps_ms or outcome.pace.latencies_ms
        row.latency_ratios.append(
            statistics.median(waits) / statistics.median(one_thread.latencies_ms)
        )


def _warm_up(bench: Bench) -> None:
    for case in cases():
        server = bench.servers[case.server]
        bench.load_process.submit(load.run, case.load(server), 0.5).result()


def _starts(progress: Progress) -> tuple[list[str], dict[str, Any]]:
    """From the command to the first answer, and the memory of a server with Lightning alone."""
    starts: dict[str, list[float]] = {}
    memory: list[float] = []
    wanted: list[tuple[str, Callable[[], Any], bytes]] = [
        ("ours, default chain", jointtrack, chain_call(PICTURE.read_bytes())),
        ("ours, Lightning alone", lambda: jointtrack(preload="none"), one_pass_call()),
        ("naive", lambda: module(SERVERS["naive"]), one_pass_call()),
    ]
    for _ in progress.track(range(3), description="Starts"):
        for name, start, message in wanted:
            began = time.perf_counter()
            with start() as server:
                load.run(Load("unary", server.grpc, DETECT, message, 1), 0.001)
                starts.setdefault(name, []).append(time.perf_counter() - began)
                if name == "ours, Lightning alone":
                    load.run(Load("unary", server.grpc, DETECT, message, 1), 1.0)
                    load.run(Load("unary", server.grpc, DETECT, message, 16), 2.0)
                    memory.append(server.peak_mb())
    seconds = {name: statistics.median(found) for name, found in starts.items()}
    facts = [f"Start to first answer, {name}: {found:.2f} s" for name, found in seconds.items()]
    facts.append(f"Peak memory with Lightning alone: {statistics.median(memory):.0f} MB")
    return facts, {"start_s": starts, "lightning_alone_peak_mb": memory}


def _overload(bench: Bench, progress: Progress, more: dict[str, Any]) -> list[str]:
    """Ten times the callers that it has room for: what is served, and what memory it takes."""
    server = bench.servers[OURS]
    loads = {
        "16 callers": one_pass_load(server, 16),
        f"{OVERLOAD_CALLERS} callers": one_pass_load(server, OVERLOAD_CALLERS),
        f"{OVERLOAD_CALLERS} impatient callers": one_pass_load(
            server, OVERLOAD_CALLERS, is_impatient=True
        ),
    }
    before = server.resident_mb()
    outcomes: dict[str, list[load.Outcome]] = {name: [] for name in loads}
    for _ in progress.track(range(3), description="Overload"):
        for name, wanted in loads.items():
            outcomes[name].append(bench.load_process.submit(load.run, wanted, 4.0).result())
    best = statistics.median(one.pace.rate for one in outcomes["16 callers"])
    facts = []
    for name, found in outcomes.items():
        rate = statistics.median(one.pace.rate for one in found)
        p99 = statistics.median(float(np.quantile(one.pace.latencies_ms, 0.99)) for one in found)
        refused = statistics.median(sum(one.refused.values()) / 4.0 for one in found)
        more[f"overload, {name}"] = {"rate": rate, "p99_ms": p99, "refused_per_s": refused}
        facts.append(
            f"Overload, {name}: {rate:.0f}/s served, {rate / best:.2f} of the rate of 16, "
            f"p99 {p99:.0f} ms, {refused:.0f}/s refused"
        )
    return [*facts, f"Memory: {before:.0f} MB before it, {server.resident_mb():.0f} after"]


def _growth(bench: Bench, progress: Progress) -> dict[str, list[tuple[float, float]]]:
    """How the cost of the default chain grows."""
    server, curves = bench.servers[OURS], {}

    def cpu_ms(message: bytes) -> float:
        return bench.call(server, Load("unary", server.grpc, DETECT, message, 4))[1]

    sizes = progress.track(MEGAPIXELS, description="Picture sizes")
    curves["megapixels | CPU ms a picture"] = [
        (size, cpu_ms(chain_call(_scaled(PICTURE.read_bytes(), size)))) for size in sizes
    ]
    picture = _TWO_PEOPLE.read_bytes()
    curves["people looked at | CPU ms a picture"] = [
        (people, cpu_ms(chain_call(picture, people))) for people in (1, 2, 3)
    ]
    by_callers = [(1, "1 caller"), (4, "4 callers"), (16, "16 callers"), (64, "64 callers")]
    curves["callers, one pass | pictures a second"] = [
        (callers, bench.rows[f"Detect, {ONE_PASS}, {name}"].summary()["per_s"])
        for callers, name in by_callers
    ]
    return curves


def _scaled(picture: bytes, megapixels: float) -> bytes:
    pixels = decode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    scale = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    resized = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", resized)[1].tobytes()


if __name__ == "__main__":
    typer.run(main)
