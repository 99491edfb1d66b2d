"""`make bench-profile`: where the time of a call goes, as a flame graph and as shares.

py-spy samples the server from outside while 16 callers keep it busy; Linux says how much CPU time
each thread took; the answers themselves carry the timings of their stages.
"""

import json
import statistics
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import load
from bench.cases import PICTURE, one_pass_load
from bench.report import RESULTS
from bench.servers import Server, jointtrack
from jointtrack import JointTrackClient

CALLERS, SECONDS, CLOCK_TICK_MS = 16, 10, 10.0
STAGES = ("queue_ms", "decode_ms", "infer_ms", "measure_ms", "overlay_ms")
_KINDS = {
    "MainThread": "event loop: gRPC, parsing, answers",
    "jointtrack_": "workers: decode, crop, Python",
    "event_engine": "gRPC's own threads",
}
_OTHER = "inference, and other native threads"
_PY_SPY = str(Path(sys.executable).parent / "py-spy")


def main() -> None:
    graph = RESULTS / "profile.svg"
    RESULTS.mkdir(exist_ok=True)
    with jointtrack() as server:
        wanted = one_pass_load(server, CALLERS)
        load.run(wanted, 2.0)
        sampling = threading.Thread(target=_sample, args=(server, graph))
        sampling.start()
        load.run(wanted, SECONDS + 2)
        sampling.join()
        before = _thread_ms(server)
        answers = len(load.run(wanted, SECONDS).pace.latencies_ms)
        after = _thread_ms(server)
        _show_threads({name: after[name] - before[name] for name in after}, answers)
        _show_stages(server)
    print(f"Flame graph written to {graph}")


def _sample(server: Server, graph: Path) -> None:
    command = [_PY_SPY, "record", "--pid", str(server.process.pid), "--output", str(graph)]
    subprocess.run(
        [*command, "--duration", str(SECONDS), "--rate", "200", "--threads", "--gil"], check=True
    )


def _thread_ms(server: Server) -> dict[str, float]:
    """CPU milliseconds so far, by what the threads are for."""
    command = [_PY_SPY, "dump", "--json", "--pid", str(server.process.pid)]
    dump = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    names = {str(one["os_thread_id"]): one["thread_name"] or "" for one in dump}
    spent: dict[str, float] = defaultdict(float)
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        text = (task / "stat").read_text()
        name = names.get(task.name) or text[text.index("(") + 1 : text.rindex(")")]
        fields = text[text.rindex(")") + 2 :].split()
        kind = next((kind for start, kind in _KINDS.items() if name.startswith(start)), _OTHER)
        spent[kind] += CLOCK_TICK_MS * (int(fields[11]) + int(fields[12]))
    return spent


def _show_threads(spent: dict[str, float], answers: int) -> None:
    table = Table("CPU time of a call, Lightning, one pass", "ms", "share")
    for name, spent_ms in sorted(spent.items(), key=lambda item: -item[1]):
        share = spent_ms / sum(spent.values())
        table.add_row(name, f"{spent_ms / answers:.2f}", f"{share:.0%}")
    Console().print(table)


def _show_stages(server: Server) -> None:
    """As one caller of the default chain sees them."""
    with JointTrackClient(server.grpc) as client:
        client.detect(PICTURE)
        answers = [
            client.detect(PICTURE, ["shoulder_abduction"], include_overlays=True) for _ in range(30)
        ]
    table = Table("A call with an overlay, default chain, one caller", "ms")
    for stage in STAGES:
        found = statistics.median(getattr(answer.timings, stage) for answer in answers)
        table.add_row(stage[:-3], f"{found:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
