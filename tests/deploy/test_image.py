"""The Dockerfile: linted by hadolint, and its command in a sandbox as shut as a container."""

import socket
import time
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import deployment
from tests.support.command import run_here
from tests.support.deployment import DOCKERFILE, ROOT, Container, container, image
from tests.support.servers import DATA

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PHOTO = DATA / "arms_out_front.jpg"


def lint(path: Path) -> deployment.Done:
    hadolint = deployment.tool("hadolint", "hadolint")
    return deployment.run(hadolint, "--no-color", "--failure-threshold", "style", path)


def test_hadolint_finds_nothing() -> None:
    done = lint(DOCKERFILE)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    text = DOCKERFILE.read_text()
    bad.write_text(text.replace('ENTRYPOINT ["jointtrack"]', "ENTRYPOINT jointtrack"))
    done = lint(bad)
    assert done.returncode == 1
    assert "DL3025" in done.stdout


def test_the_image_says_what_it_is() -> None:
    spec = image()
    assert spec.labels["org.opencontainers.image.version"] == PROJECT["version"]
    assert spec.labels["org.opencontainers.image.licenses"] == PROJECT["license"]
    assert spec.ports == (deployment.default_of("grpc_port"), deployment.default_of("http_port"))
    assert all(part.isdecimal() and part != "0" for part in spec.user.split(":"))
    assert spec.variables["JOINTTRACK_DATA_DIR"] == spec.volume
    for variable in spec.variables:
        if variable != "PATH":
            deployment.setting_of(variable)


def test_the_build_context_holds_what_is_copied() -> None:
    copied = {
        source
        for line in DOCKERFILE.read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    ignore_file = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    assert ignore_file[0] == "*"
    assert {line[1:] for line in ignore_file if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_every_package_of_the_image_has_its_version_in_the_constraints() -> None:
    """Those named in pyproject.toml; pip finds the rest beside them."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    versions = {
        canonicalize_name(name): version
        for name, _, version in (line.partition("==") for line in lines)
    }
    extras = PROJECT["optional-dependencies"]
    for text in (*PROJECT["dependencies"], *extras["cli"], *extras["server"], *extras["postgres"]):
        wanted = Requirement(text)
        if wanted.name != PROJECT["name"]:
            version = versions.get(canonicalize_name(wanted.name))
            assert version is not None, f"make constraints: {wanted.name} is not listed"
            assert wanted.specifier.contains(version), f"make constraints: {text}, not {version}"


def wait_until_healthy(running: Container) -> None:
    end_s = time.monotonic() + deployment.LIMIT_S
    while running.run(*image().health_command).returncode != 0:
        assert running.process.poll() is None, running.log.read_text()
        assert time.monotonic() < end_s, running.log.read_text()


def test_the_image_s_command_needs_nothing_but_its_volume(tmp_path: Path) -> None:
    data, secrets = tmp_path / "data", tmp_path / "data" / "secrets"
    secrets.mkdir(parents=True)
    key = run_here(
        *("keys", "create", "--name", "first", "--quiet", "--data-dir", str(tmp_path))
    ).stdout
    (secrets / "jointtrack_first_key").write_text(key)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(data / "notify"))
        manager.settimeout(deployment.LIMIT_S)
        with container(
            data, JOINTTRACK_SECRETS_DIR="/data/secrets", NOTIFY_SOCKET="/data/notify"
        ) as running:
            assert manager.recv(100) == b"READY=1"
            wait_until_healthy(running)
            assert running.run("touch", "/tmp/x", "/x").returncode == 1
            assert running.run("id", "-u").stdout.strip() == image().user.split(":")[0]
            found = running.run(
                *("jointtrack", "detect", str(PHOTO), "-m", "shoulder_abduction", "--format=json"),
                *("--api-key", key.strip()),
            )
            assert found.returncode == 0, found.stderr
            listed = running.run("jointtrack", "keys", "list").stdout
            assert "first key" in listed
            assert running.stop() == 0
    log = running.log.read_text()
    assert "JointTrack serves gRPC" in log
    assert key.strip() not in log
    assert "Traceback" not in log
    assert {one.name for one in data.iterdir()} == {"access.sqlite3", "notify", "secrets"}


def test_a_server_that_does_not_answer_is_unhealthy(tmp_path: Path) -> None:
    command, *options = image().health_command
    assert command == "jointtrack"
    done = run_here(*options, "--target", "127.0.0.1:1", "--timeout", "0.3")
    assert done.returncode == 1
    assert "no connection" in done.stderr
