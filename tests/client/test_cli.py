import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jointtrack import MeasurementName, __version__
from jointtrack.testing import Failure, FakeServer, detection

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(tmp_path: Path, server: FakeServer) -> Cli:
    """Runs ``python -m jointtrack`` in a folder with photo.jpg, against the fake server."""
    (tmp_path / "photo.jpg").write_bytes(b"jpeg")
    (tmp_path / "other.jpg").write_bytes(b"jpeg")

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "jointtrack", *arguments],
            cwd=tmp_path,
            env={
                **os.environ,
                "JOINTTRACK_TARGET": server.target,
                "COLUMNS": "200",
                "NO_COLOR": "1",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def _one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What an error prints: one line on stderr, nothing on stdout, exit code 1."""
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    return line


def test_version(cli: Cli) -> None:
    assert cli("--version").stdout == f"jointtrack {__version__}\n"


def test_detect_prints_a_table_and_writes_the_overlay(
    cli: Cli, server: FakeServer, tmp_path: Path
) -> None:
    server.detect.enqueue(detection({"knee_flexion": (0.4, None), "splits": (61.5, -3.0)}))
    done = cli("detect", "photo.jpg", "-m", "knee_flexion,splits", "-o", "out.jpg")
    assert done.returncode == 0, done.stderr
    knee, splits = (line for line in done.stdout.splitlines() if "°" in line)
    assert re.search(r"Knee Flexion *│ 0° *│ - *│ 0 to 15 *│ made up", knee)
    assert "no right: keypoint_low_confidence (left_knee)" in knee
    assert re.search(r"62° \(above\) *│ -3° \(below\)", splits)
    assert (tmp_path / "out_knee_flexion.jpg").exists()
    assert (tmp_path / "out_splits.jpg").exists()
    assert server.detect.requests[0].options.include_overlays


def test_detect_prints_json_alone(cli: Cli, server: FakeServer, tmp_path: Path) -> None:
    done = cli(
        "detect",
        "photo.jpg",
        "-m",
        "splits",
        "--side",
        "left",
        "-o",
        "new/out.jpg",
        "--format",
        "json",
    )
    assert done.returncode == 1, "the folder of a single file is not made"
    (tmp_path / "new").mkdir()
    done = cli(
        "detect",
        "photo.jpg",
        "-m",
        "splits",
        "--side",
        "left",
        "-o",
        "new/out.jpg",
        "--format",
        "json",
    )
    assert (done.returncode, done.stderr) == (0, "")
    value = json.loads(done.stdout)
    measured = value["people"][0]["measurements"][0]
    assert value["photo"] == "photo.jpg"
    assert measured["sides"]["left"]["value_deg"] == 10.0
    assert measured["sides"]["right"]["value_deg"] is None
    assert measured["overlay"] == "new/out.jpg"
    assert (tmp_path / "new" / "out.jpg").read_bytes().startswith(b"\xff\xd8")


def test_options_are_sent(cli: Cli, server: FakeServer) -> None:
    done = cli(
        *("detect", "photo.jpg", "-m", "splits", "-m", "knee_side", "--model", "movenet-lightning"),
        *("--search", "two_pass", "--facing", "left", "--mirrored", "--strict", "--format", "json"),
    )
    assert done.returncode == 0, done.stderr
    sent = server.detect.requests[0].options
    assert (sent.model, sent.search, sent.facing) == ("movenet-lightning", 2, 1)
    assert (sent.mirrored, sent.strict, sent.include_overlays) == (True, True, False)
    assert len(sent.measurements) == 2


def test_several_photos_get_a_folder_and_json_lines(
    cli: Cli, server: FakeServer, tmp_path: Path
) -> None:
    done = cli(
        "detect",
        "photo.jpg",
        "none.jpg",
        "other.jpg",
        "-m",
        "splits",
        "-o",
        "d",
        "--format",
        "json",
    )
    assert done.returncode == 1
    first, failed, last = (json.loads(line) for line in done.stdout.splitlines())
    assert [first["photo"], failed["photo"], last["photo"]] == [
        "photo.jpg",
        "none.jpg",
        "other.jpg",
    ]
    assert failed["error"]["message"] == "No such file or directory"
    assert done.stderr == "jointtrack: none.jpg: No such file or directory\n"
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == [
        "other_splits.jpg",
        "photo_splits.jpg",
    ]


def test_without_measurements_keypoints_are_printed(cli: Cli) -> None:
    done = cli("detect", "photo.jpg")
    assert done.returncode == 0
    assert re.search(r"left_knee *│ 70 *│ 365 *│ 0\.90", done.stdout)


def test_nobody_found_is_said_and_exits_with_1(cli: Cli, server: FakeServer) -> None:
    server.detect.default = detection(people=0)
    assert "photo.jpg: nobody was found" in _one_line(cli("detect", "photo.jpg", "-m", "splits"))
    done = cli("detect", "photo.jpg", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["people"]) == (1, [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("photo.jpg", "-m", "neck_rotation"), "neck_rotation"),
        (("photo.jpg", "--side", "middle"), "middle"),
        (("photo.jpg", "-o", "out.jpg"), "add -m"),
        (("photo.jpg", "other.jpg", "-m", "splits", "-o", "out.jpg"), "folder"),
        (("photo.jpg", "a/photo.jpg", "-m", "splits", "-o", "d"), "same name"),
        (("photo.jpg", "--no-tls", "--ca-file", "photo.jpg"), "--ca-file"),
        (("photo.jpg", "--format", "xml"), "xml"),
        (("photo.jpg", "--format", "csv"), "add -m"),
        (("photo.jpg", "--format", "fhir"), "add -m"),
        (("photo.jpg", "-m", "splits", "--patient", "Patient/1"), "--format fhir"),
        (("photo.jpg", "-m", "splits", "--format", "fhir", "--patient", "Jo"), "Patient/123"),
        (("photo.jpg", "-m", "splits", "--format", "fhir", "--taken-at", "noon"), "2026-01-31"),
        (
            ("photo.jpg", "-m", "splits", "--format", "fhir", "--taken-at", "2026-01-31T09:30"),
            "zone",
        ),
        ((), "PHOTO"),
    ],
)
def test_usage_errors_exit_with_2_and_send_nothing(
    cli: Cli, server: FakeServer, arguments: tuple[str, ...], words: str
) -> None:
    done = cli("detect", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not server.metadata


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("photo.jpg", "-o", "report.txt"), ".html"),
        (("photo.jpg", "-o", "none/report.html"), "folder"),
        (("photo.jpg:neck_rotation", "-o", "report.html"), "neck_rotation"),
        (("photo.jpg", "-o", "report.html", "--paper", "A5"), "A5"),
        (("photo.jpg", "-o", "report.html", "--taken-on", "today"), "2026-01-31"),
        (("photo.jpg", "-o", "report.pdf"), "Chromium"),
        (("photo.jpg",), "--output"),
    ],
)
def test_usage_errors_of_reports_exit_with_2_and_send_nothing(
    cli: Cli, server: FakeServer, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = cli("report", *arguments, PATH=str(tmp_path))  # a path without a browser
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not server.metadata


def test_an_error_is_one_line(cli: Cli, server: FakeServer) -> None:
    server.detect.default = Failure("INVALID_ARGUMENT", "INVALID_IMAGE", "Send a\nJPEG.")
    line = _one_line(cli("detect", "photo.jpg"))
    assert line == "jointtrack: photo.jpg: Send a JPEG. [INVALID_IMAGE, request fake-request]"


def test_an_unreachable_server_is_one_line(cli: Cli) -> None:
    line = _one_line(cli("info", "--target", "127.0.0.1:1", "--timeout", "0.3"))
    assert line.startswith("jointtrack: Cannot reach 127.0.0.1:1: no connection within 0.3 s.")


def test_api_key_comes_from_option_or_environment(cli: Cli) -> None:
    with FakeServer(api_key="secret") as locked:
        target = ("--target", locked.target)
        assert "INVALID_API_KEY" in _one_line(cli("info", *target))
        assert cli("info", *target, "--api-key", "secret").returncode == 0
        assert cli("info", *target, JOINTTRACK_API_KEY="secret").returncode == 0
        assert "secret" not in cli("detect", "--help", JOINTTRACK_API_KEY="secret").stdout


def test_info(cli: Cli) -> None:
    table = cli("info").stdout
    assert all(name in table for name in MeasurementName)
    assert "movenet-thunder (default)" in table
    assert len(json.loads(cli("info", "--json").stdout)["measurements"]) == 19


@pytest.fixture
def plugins(tmp_path: Path) -> str:
    """A folder with a distribution that adds commands; for PYTHONPATH."""
    folder = tmp_path / "plugins"
    info = folder / "plugged-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[jointtrack.commands]\n"
        "hello = plugged:hello\n"
        "group = plugged:group\n"
        "broken = plugged_broken:run\n"
    )
    (folder / "plugged.py").write_text(
        "import typer\n"
        "print('loaded')\n"
        "group = typer.Typer()\n"
        "@group.command()\n"
        "def one() -> None:\n"
        "    print('one')\n"
        "@group.command()\n"
        "def two() -> None:\n"
        "    print('two')\n"
        "def hello(name: str = 'you') -> None:\n"
        "    '''Says hello.'''\n"
        "    print(f'hello {name}')\n"
    )
    (folder / "plugged_broken.py").write_text("import a_package_that_is_not_installed\n")
    return str(folder)


def test_other_packages_add_commands(cli: Cli, plugins: str) -> None:
    assert cli("hello", "--name", "me", PYTHONPATH=plugins).stdout == "loaded\nhello me\n"
    assert cli("group", "two", PYTHONPATH=plugins).stdout == "loaded\ntwo\n"
    assert "Says hello." in cli("hello", "--help", PYTHONPATH=plugins).stdout


def test_help_names_plugins_without_loading_them(cli: Cli, plugins: str) -> None:
    listing = cli("--help", PYTHONPATH=plugins)
    assert listing.returncode == 0, listing.stderr
    assert all(name in listing.stdout for name in ("detect", "info", "hello", "group", "broken"))
    assert "loaded" not in listing.stdout
    assert "loaded" not in cli("detect", "--help", PYTHONPATH=plugins).stdout


def test_a_plugin_without_its_extra_says_what_to_install(cli: Cli, plugins: str) -> None:
    for arguments in (("broken",), ("broken", "--port", "1"), ("broken", "--help")):
        line = _one_line(cli(*arguments, PYTHONPATH=plugins))
        assert "a_package_that_is_not_installed" in line
        assert line.endswith("pip install 'jointtrack[server]'")


@pytest.mark.parametrize("value", ["nan", "inf", "0"])
def test_a_time_that_cannot_be_meant_is_a_usage_error(cli: Cli, value: str) -> None:
    done = cli("detect", "photo.jpg", "--timeout", value)
    assert done.returncode == 2
    assert "Invalid value for '--timeout'" in done.stderr


def test_unknown_command_is_a_usage_error(cli: Cli) -> None:
    done = cli("detekt")
    assert done.returncode == 2
    assert "detekt" in done.stderr


def test_health(cli: Cli, server: FakeServer) -> None:
    done = cli("health")
    assert (done.returncode, done.stdout) == (0, f"{server.target} takes calls\n")
    server.ready = False
    assert "not ready" in _one_line(cli("health", "--timeout", "0.3"))
    assert "no connection within 0.3 s" in _one_line(
        cli("health", "--target", "127.0.0.1:1", "--timeout", "0.3")
    )
