"""Changed picture files are decoded or refused; and what watches over that sees every fault."""

import sys
from pathlib import Path

import pytest

from jointtrack_server.errors import JointTrackError
from jointtrack_server.imaging.decode import decode_file
from tests.fuzz.decode import fuzz
from tests.fuzz.findings import minimised
from tests.fuzz.inputs import FORMATS, SERVER_LIMITS, case, seed_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches /proc and glibc's heap")

SECONDS = 20.0
SEED = 7


def test_changed_files_are_decoded_or_refused(tmp_path: Path) -> None:
    run = fuzz(SECONDS, SEED, out=tmp_path)
    assert not run.findings, str(run)
    for name in FORMATS:
        assert run.reached[name] > run.inputs[name] * 0.4, f"too few reach the decoder: {run}"
        assert run.accepted[name] > run.inputs[name] * 0.05, f"too few are pictures still: {run}"


@pytest.mark.parametrize(
    ("decoder", "fault"),
    [
        ("crash", "crash: exit code -11"),
        ("write_past_the_end", "crash: exit code -6"),
        ("hang", "hang: no answer"),
        ("other_exception", "ValueError: a bare one"),
        ("wrong_size", "wrong picture: (200, 300, 3)"),
        ("unwritten", "unwritten pixels"),
        ("much_memory", "memory: it took 128 MiB"),
    ],
)
def test_a_decoder_with_a_fault_is_found_out(decoder: str, fault: str, tmp_path: Path) -> None:
    run = fuzz(
        120.0,
        SEED,
        out=tmp_path,
        target=f"tests.fuzz.planted:{decoder}",
        hang_cpu_s=5.0,
        max_findings=1,
        minimising_tries=0,
    )
    finding = run.findings[0]
    assert finding.fault.startswith(fault)
    tried = case(SEED, finding.number)
    assert tried.format == "BMP"
    assert tried.data in [saved.read_bytes() for saved in tmp_path.glob("*.bin")]


def test_what_is_changed_are_whole_files_of_every_format() -> None:
    seeds = seed_files()
    assert set(seeds) == set(FORMATS)
    for files in seeds.values():
        assert len(files) > 30
        for data in files:
            try:
                decode_file(data, SERVER_LIMITS)
            except JointTrackError as error:
                pytest.fail(f"{error}: {data[:60]!r}")


def test_a_number_is_always_the_same_file() -> None:
    forwards = [case(SEED, number) for number in range(100)]
    backwards = [case(SEED, number) for number in reversed(range(100))]
    assert forwards == backwards[::-1]
    assert len({one.data for one in forwards}) > 90


def test_a_file_is_made_as_small_as_its_fault_allows() -> None:
    data = b"x" * 500 + b"bad" + b"y" * 700
    assert minimised(data, lambda one: b"bad" in one, tries=150) == b"bad"
