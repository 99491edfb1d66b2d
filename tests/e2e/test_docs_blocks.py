"""Commands and programs of the docs that other tests do not run."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import trustme

from jointtrack_server.settings import Settings
from tests.support.docs import ROOT, blocks, run, run_python
from tests.support.servers import DATA, RunningServer

PAGES = sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))
SERVE = "jointtrack serve"
STARTS = sorted(
    {
        line.partition("#")[0].strip()
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.splitlines()
        if SERVE in line
    }
)
EXPORTED = [
    block
    for page in PAGES
    for block in blocks(page, "sh")
    if "export JOINTTRACK" in block and SERVE in block
]


def understood(assignments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings take the variables."""
    for one in assignments:
        name, _, value = one.partition("=")
        monkeypatch.setenv(name, value)
        if name.startswith("JOINTTRACK_"):
            assert name.removeprefix("JOINTTRACK_").lower() in Settings.model_fields
    Settings()


@pytest.fixture(scope="module")
def serve_help(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    return run("jointtrack serve --help", tmp_path_factory.mktemp("help"), server).stdout


@pytest.mark.parametrize("line", STARTS)
def test_starts_of_the_server_are_understood(
    line: str, monkeypatch: pytest.MonkeyPatch, serve_help: str
) -> None:
    before, _, after = line.partition(SERVE)
    understood(shlex.split(before), monkeypatch)
    options = re.findall(r"--[\w-]+", after)
    assert [option for option in options if option not in serve_help] == []


@pytest.mark.parametrize("block", EXPORTED)
def test_variables_that_are_exported_are_understood(
    block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line.partition("#")[0] for line in block.splitlines() if line.startswith("export ")]
    understood([one for line in lines for one in shlex.split(line)[1:]], monkeypatch)


def test_there_are_such_lines() -> None:
    assert len(STARTS) > 10
    assert len(EXPORTED) >= 2


def test_keys_and_plans_as_the_settings_page_makes_them(
    server: RunningServer, tmp_path: Path
) -> None:
    (block,) = [one for one in blocks("docs/settings.md", "sh") if "keys create" in one]
    made = ""
    for line in block.splitlines():
        data_dir = f"JOINTTRACK_DATA_DIR={tmp_path}"
        done = run(f"{data_dir} {line.replace(' ID', f' {made}')}", tmp_path, server)
        assert done.returncode == 0, done.stderr
        made = (
            made
            or run(
                f"{data_dir} jointtrack keys list --json | grep -oE '[0-9a-f]{{8}}' | head -1",
                tmp_path,
                server,
            ).stdout.strip()
        )


def test_the_reports_page_makes_its_reports(server: RunningServer, tmp_path: Path) -> None:
    for name, sample in (("front", "arms_out_front"), ("left", "walk_side")):
        shutil.copy(DATA / f"{sample}.jpg", tmp_path / f"{name}.jpg")
    shutil.copy(DATA / "walk_side.jpg", tmp_path)
    lines = [line for block in blocks("docs/reports.md", "") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("jointtrack ")]
    assert len(commands) == 3
    for command in commands:
        done = run(command, tmp_path, server)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_batch_page_makes_its_table_and_reads_it(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    shutil.copy(DATA / "walk_side.jpg", tmp_path / "archive")
    first = blocks("docs/batch.md", "sh")[0]
    (command,) = [line for line in first.splitlines() if line.startswith("jointtrack ")]
    done = run(command, tmp_path, server)
    assert done.returncode == 0, done.stderr
    (program,) = blocks("docs/batch.md", "python")
    printed = run_python(program, tmp_path, server)
    assert [line.split()[0] for line in printed.splitlines()[2:]] == [
        "hip_side",
        "right",
        "knee_flexion",
        "right",
    ]


def test_the_tls_page_opens_a_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    ward = authority.issue_cert("ward-3.clinic.example")
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    ward.cert_chain_pems[0].write_to_path(str(tmp_path / "ward-3.pem"))
    ward.private_key_pem.write_to_path(str(tmp_path / "ward-3-key.pem"))
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("docs/tls.md", "python")
    exec(compile(block + "\nclient.close()\n", "tls.md", "exec"), {})
