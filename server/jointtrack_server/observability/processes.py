"""Memory, CPU, file descriptors and threads, as all of Prometheus' clients name them."""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.samples import Sample

from jointtrack_server.observability import catalogue
from jointtrack_server.observability.shared import SharedCounts

_PROC = Path("/proc")


class ProcessMetrics:
    """Of this process, or of all that share the ports, told apart by the label ``process``."""

    def __init__(self, shared: SharedCounts | None) -> None:
        self._shared = shared

    def collect(self) -> Iterable[Metric]:
        if self._shared is None:
            return _families("self")
        together: dict[str, Metric] = {}
        for member, pid in self._shared.pids().items():
            for family in _families(str(pid)):
                samples = [_of(member, sample) for sample in family.samples]
                family.samples = []
                together.setdefault(family.name, family).samples += samples
        return together.values()


def _families(pid: str) -> list[Metric]:
    """None of a process that has ended, or where there is no /proc."""
    families = list(ProcessCollector(pid=lambda: pid, registry=None).collect())
    try:
        stat = (_PROC / pid / "stat").read_text()
    except OSError:
        return families
    threads = GaugeMetricFamily(catalogue.THREADS.name, catalogue.THREADS.meaning)
    threads.add_metric([], int(stat.rpartition(")")[2].split()[17]))
    return [*families, threads]


def _of(member: str, sample: Sample) -> Sample:
    return sample._replace(labels={**sample.labels, "process": member})
