"""A shorter `make soak`: everything at once, and nothing grows."""

from bench.servers import jointtrack
from bench.soak import LOADS, Sample, run

SECONDS = 45.0
ALLOWED = 4
"""File descriptors, and threads, more than before: gRPC's own vary by one or two, and what some
of the calls leave behind is dozens."""


def _resident_mb(sample: Sample) -> float:
    return sample.resident_mb


def test_nothing_grows_under_mixed_load() -> None:
    with jointtrack(auth=True) as server:
        soak = run(server, SECONDS)
    assert soak.surprises == []
    assert {name for name, _ in LOADS} == {what.partition(":")[0] for what in soak.counts}
    assert "no key: let in" not in soak.counts
    assert "bad picture: a bad picture was taken" not in soak.counts
    assert soak.counts["REST: 200/400/401"] > 0
    assert soak.growth(_resident_mb) < 40.0
    assert soak.growth(lambda one: float(one.descriptors)) <= ALLOWED
    assert soak.growth(lambda one: float(one.threads)) <= ALLOWED
