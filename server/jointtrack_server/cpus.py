"""How many CPUs this process may use: a container is often given fewer than the machine has."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_cpus(cgroup: Path = _CGROUP) -> int:
    """The CPUs that the process may run on, or as many as its CPU quota is worth; at least 1.

    The quota is Linux' ``cpu.max`` of control groups version 2, or ``cpu.cfs_quota_us`` and
    ``cpu.cfs_period_us`` of version 1. Part of a CPU counts as one.
    """
    quota = _quota(cgroup)
    allowed = _allowed()
    return allowed if quota is None else max(min(allowed, math.ceil(quota)), 1)


def _allowed() -> int:
    """CPUs that the system lets the process run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(cgroup: Path) -> float | None:
    """CPUs that the control group may use on average, ``None`` for no limit."""
    try:
        if (cgroup / "cpu.max").is_file():
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text()
        limit = int(quota) / int(period)
    except (OSError, ValueError):
        return None
    return limit if limit > 0 else None
