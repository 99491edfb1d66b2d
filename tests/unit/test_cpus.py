import os
from pathlib import Path

import pytest

from jointtrack_server.cpus import available_cpus

CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [
        ("max 100000", CPUS),
        ("50000 100000", 1),
        ("100000 100000", 1),
        ("150000 100000", min(2, CPUS)),
        (f"{CPUS * 100000 + 1} 100000", CPUS),
        ("nonsense", CPUS),
        ("", CPUS),
    ],
)
def test_a_quota_of_control_groups_2_counts(quota: str, cpus: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert available_cpus(tmp_path) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1", CPUS), ("20000", 1), ("100001", min(2, CPUS))])
def test_a_quota_of_control_groups_1_counts(quota: str, cpus: int, tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")
    assert available_cpus(tmp_path) == cpus


def test_without_control_groups_the_system_counts(tmp_path: Path) -> None:
    assert available_cpus(tmp_path) == CPUS
