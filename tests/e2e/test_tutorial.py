"""The tutorial does what it says, block by block."""

from pathlib import Path

from tests.support.docs import (
    assert_prints_what_it_shows,
    assert_shown,
    blocks,
    run,
    run_python,
)
from tests.support.servers import RunningServer

PAGE = "docs/tutorial.md"


def test_commands_print_what_they_show(checkout: Path, server: RunningServer) -> None:
    shown = blocks(PAGE, "console")
    assert len(shown) == 3
    for block in shown:
        assert_prints_what_it_shows(block, checkout, server)
    assert (checkout / "report.html").exists()


def test_programs_print_what_they_show(checkout: Path, server: RunningServer) -> None:
    programs, shown = blocks(PAGE, "python"), blocks(PAGE, "text")
    for program, text in zip(programs, shown, strict=True):
        assert_shown(run_python(program, checkout, server), text)
    assert (checkout / "knee.jpg").exists()


def test_what_a_reader_types_first_is_there(checkout: Path, server: RunningServer) -> None:
    (first, second) = blocks(PAGE, "sh")
    assert first == "make run\n"
    assert "JOINTTRACK_API_KEY" in second
    assert run("jointtrack info", checkout, server).returncode == 0
