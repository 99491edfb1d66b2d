"""The measured rounds as a table, as JSON and as plots."""

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from rich.console import Console
from rich.table import Table

from jointtrack_server.cpus import available_cpus

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("jointtrack", "openvino", "grpcio", "protobuf", "opencv-python-headless", "uvloop")


@dataclass(slots=True)
class Row:
    """A row of the table. Rates and CPU milliseconds are one a round, latencies all together."""

    name: str
    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    load_cpu_ms: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    gaps_ms: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    ratios: list[float] = field(default_factory=list)
    """To the bare loop, each within its round; none for a bare loop itself."""
    cpu_ratios: list[float] = field(default_factory=list)
    """CPU time of the bare loop's picture to the server's: the ratio if the load cost nothing."""
    latency_ratios: list[float] = field(default_factory=list)
    """Median latency to that of the bare loop on one thread, for one caller."""

    def summary(self) -> dict[str, Any]:
        """The medians and the spread, as they are printed and written."""
        return {
            "name": self.name,
            "per_s": _median(self.rates),
            "per_s_lowest": min(self.rates),
            "per_s_highest": max(self.rates),
            "ratio": _median(self.ratios),
            "cpu_ratio": _median(self.cpu_ratios),
            "latency_ratio": _median(self.latency_ratios),
            "server_cpu_ms": _median(self.cpu_ms),
            "load_cpu_ms": _median(self.load_cpu_ms),
            "p50_ms": _quantile(self.latencies_ms, 0.5),
            "p95_ms": _quantile(self.latencies_ms, 0.95),
            "p99_ms": _quantile(self.latencies_ms, 0.99),
            "gap_p50_ms": _quantile(self.gaps_ms, 0.5),
            "refused": self.refused,
            "rates": self.rates,
            "ratios": self.ratios,
        }


def show(rows: Sequence[Row], facts: Sequence[str]) -> None:
    """Prints the table and, under it, what does not fit into one."""
    columns = ("/s", "spread", "to bare", "load not counted", "latency to bare", "p50 ms", "p95")
    table = Table("Measured", *columns, "p99", "CPU ms", "load's CPU ms")
    for summary in (row.summary() for row in rows):
        table.add_row(
            summary["name"],
            f"{summary['per_s']:.0f}",
            f"{summary['per_s_lowest']:.0f}-{summary['per_s_highest']:.0f}",
            _shown(summary["ratio"], 2),
            _shown(summary["cpu_ratio"], 2),
            _shown(summary["latency_ratio"], 2),
            *(_shown(summary[name], 1) for name in ("p50_ms", "p95_ms", "p99_ms")),
            _shown(summary["server_cpu_ms"], 2),
            _shown(summary["load_cpu_ms"], 2),
        )
    console = Console(width=160)
    console.print(table)
    for fact in facts:
        console.print(fact, highlight=False)


def write(rows: Sequence[Row], more: dict[str, Any]) -> Path:
    """Writes everything with the machine, the versions and the settings it was measured with."""
    RESULTS.mkdir(exist_ok=True)
    result = {
        "machine": {
            "processor": _processor(),
            "cpus": available_cpus(),
            "load_average_before": os.getloadavg(),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "versions": {name: version(name) for name in _PACKAGES},
        **more,
        "rows": [row.summary() for row in rows],
    }
    file = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps(result, indent=1) + "\n")
    return file


def plot(curves: dict[str, list[tuple[float, float]]], file: Path) -> None:
    """One panel a curve: milliseconds, or pictures a second, over what grows."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of the backend

    figure, panels = plt.subplots(1, len(curves), figsize=(4.2 * len(curves), 3.2))
    for panel, (title, points) in zip(np.atleast_1d(panels), curves.items(), strict=True):
        label, _, unit = title.partition(" | ")
        panel.plot(*zip(*points, strict=True), "o-", color="#0072b2")
        panel.set_xlabel(label)
        panel.set_ylabel(unit)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _quantile(values: Sequence[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None


def _shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _processor() -> str:
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        for line in cpu_info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
