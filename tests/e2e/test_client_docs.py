"""Every Python block of docs/client.md runs, on the real server, by itself."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

import jointtrack
from jointtrack import JointTrackAdmin, JointTrackClient, StreamSummary
from tests.support.clips import even_times, walk_pictures, write_clip
from tests.support.servers import DATA, RunningServer

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "docs" / "client.md").read_text(), re.DOTALL)
NUMBER = re.compile(r"-?\d+(\.\d+)?")
FRAMES = 8
DEFAULT_TARGET = '"localhost:50051"'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the page names, as the working directory."""
    shutil.copy(DATA / "walk_side.jpg", tmp_path / "photo.jpg")
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(DATA / "walk_side.jpg", tmp_path / "photos" / name)
    write_clip(tmp_path / "in.mp4", walk_pictures(FRAMES), even_times(FRAMES))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "root.pem"))
    client = authority.issue_cert("client")
    client.cert_chain_pems[0].write_to_path(str(tmp_path / "client.pem"))
    client.private_key_pem.write_to_path(str(tmp_path / "client.key"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def names(server: RunningServer, folder: Path) -> Iterator[dict[str, Any]]:
    """What the blocks take as given."""
    with (
        JointTrackClient(server.target, api_key=server.api_key) as client,
        JointTrackAdmin(server.target, api_key=server.api_key) as admin,
    ):
        admin_key = admin.create_key("docs", ["admin"])
        *_, summary = client.stream(jointtrack.video_frames("in.mp4"), "knee_flexion")
        assert isinstance(summary, StreamSummary)
        given = {name: getattr(jointtrack, name) for name in jointtrack.__all__}
        yield given | {"client": client, "admin_key": admin_key.text, "summary": summary}
        admin.revoke_key(admin_key.key.key_id)


def test_every_python_block_runs_and_prints_what_it_shows(
    names: dict[str, Any], server: RunningServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_key = f'"{server.target}", api_key="{server.api_key}"'
    printed = ""
    for language, text in BLOCKS:
        if language == "text":
            assert _masked(printed) == _masked(text)
        elif "import pytest" in text:
            _passes(folder / "test_recipe.py", text)
        elif language == "python":
            own_key = text.replace(f"{DEFAULT_TARGET}, api_key", f'"{server.target}", api_key')
            code = compile(own_key.replace(DEFAULT_TARGET, with_key), text.split("\n")[0], "exec")
            exec(code, dict(names))
            printed = capsys.readouterr().out


def _passes(file: Path, text: str) -> None:
    file.write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio"]
    done = subprocess.run(
        [*command, str(file)], cwd=file.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def _masked(text: str) -> list[str]:
    """Words alone: bf16 and f32 differ by about a degree."""
    return NUMBER.sub("N", text).split()
