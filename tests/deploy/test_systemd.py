"""The systemd unit, read by systemd-analyze."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support import deployment
from tests.support.command import COMMAND
from tests.support.deployment import DEPLOY

UNIT = DEPLOY / "systemd" / "jointtrack.service"
TLS = DEPLOY / "systemd" / "jointtrack.service.d" / "tls.conf"
PROGRAM = "/opt/jointtrack/bin/jointtrack"
WORST_EXPOSURE = 1.6


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is on this machine, and what TLS adds."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, COMMAND))
    (tmp_path / TLS.parent.name).mkdir()
    (tmp_path / TLS.parent.name / TLS.name).write_text(TLS.read_text())
    return unit


def analyze(*arguments: str | Path) -> deployment.Done:
    return deployment.run(deployment.tool("systemd-analyze", "systemd"), *arguments)


def directives() -> dict[str, list[str]]:
    found = defaultdict(list)
    for line in (*UNIT.read_text().splitlines(), *TLS.read_text().splitlines()):
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return found


def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    done = analyze("verify", unit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_would_find_something_wrong(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("DynamicUser=yes", "DynamicUsr=yes"))
    assert "DynamicUsr" in analyze("verify", unit).stderr


def test_the_service_is_shut_in(unit: Path) -> None:
    done = analyze("security", "--offline=true", "--no-pager", unit)
    exposure = re.search(r"Overall exposure level for jointtrack.service: ([\d.]+)", done.stdout)
    assert exposure is not None, done.stderr
    assert float(exposure[1]) <= WORST_EXPOSURE, done.stdout


def test_variables_and_credentials_are_settings() -> None:
    found = directives()
    for assignment in found["Environment"]:
        deployment.setting_of(assignment.partition("=")[0])
    secrets = [one for one in found["LoadCredential"] if ":" not in one]
    assert secrets
    for secret in secrets:
        deployment.setting_of(secret.upper())
    folders = {one.partition("=")[2] for one in found["Environment"] if "_SECRETS_DIR" in one}
    assert folders == {"%d"}
    files = {one.partition("=")[2] for one in found["Environment"] if "_FILE=" in one}
    given = {f"%d/{one.partition(':')[0]}" for one in found["LoadCredential"] if ":" in one}
    assert files == given


def test_the_server_may_drain() -> None:
    (grace,) = directives()["TimeoutStopSec"]
    drain_s = float(str(deployment.default_of("drain_grace_s")))
    assert float(grace.removesuffix("s")) > drain_s + deployment.EXTRA_GRACE_S


def test_there_are_files_enough_for_all_connections() -> None:
    (files,) = directives()["LimitNOFILE"]
    assert int(files) > 2 * int(str(deployment.default_of("max_connections")))
