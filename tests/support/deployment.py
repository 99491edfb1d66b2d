"""What deploy/ holds, and the image's programs in a sandbox that is as shut as a container."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from jointtrack_server.settings import VARIABLE_PREFIX, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
EXTRA_GRACE_S = 5
"""What server processes have to end after the drain grace."""
LIMIT_S = 180.0
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc", "/sys")

Done = subprocess.CompletedProcess[str]


def tool(name: str, package: str) -> str:
    """A program's path. Skips the test where it is not installed, but not in CI."""
    beside_python = Path(sys.executable).with_name(name)
    found = str(beside_python) if beside_python.exists() else shutil.which(name)
    if found is None:
        message = f"{name} was not found: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def run(*command: str | Path, **variables: str) -> Done:
    return subprocess.run(
        command,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def setting_of(variable: str) -> str:
    """The name of the setting that a JOINTTRACK_ variable sets."""
    assert variable.startswith(VARIABLE_PREFIX), variable
    name = variable.removeprefix(VARIABLE_PREFIX).lower()
    assert name in Settings.model_fields, variable
    return name


def default_of(setting: str) -> object:
    return Settings.model_fields[setting].default


@dataclass(frozen=True, slots=True)
class Image:
    """The last stage of the Dockerfile: what a container of it starts with."""

    user: str
    folder: str
    volume: str
    ports: tuple[int, ...]
    stop_signal: str
    variables: Mapping[str, str]
    labels: Mapping[str, str]
    command: tuple[str, ...]
    health_command: tuple[str, ...]


def image() -> Image:
    parser = DockerfileParser(str(DOCKERFILE))
    stages = [at for at, one in enumerate(parser.structure) if one["instruction"] == "FROM"]
    last = {one["instruction"]: one["value"] for one in parser.structure[stages[-1] :]}
    return Image(
        user=last["USER"],
        folder=last["WORKDIR"],
        volume=last["VOLUME"],
        ports=tuple(map(int, last["EXPOSE"].split())),
        stop_signal=last["STOPSIGNAL"],
        variables=parser.envs,
        labels=parser.labels,
        command=(*json.loads(last["ENTRYPOINT"]), *json.loads(last["CMD"])),
        health_command=tuple(json.loads(last["HEALTHCHECK"].partition(" CMD ")[2])),
    )


@dataclass(frozen=True, slots=True)
class Container:
    """The image's command as process 1 of a sandbox."""

    process: "subprocess.Popen[str]"
    pid: int
    variables: Mapping[str, str]
    log: Path

    def run(self, *command: str) -> Done:
        """As `docker exec`."""
        return subprocess.run(
            [
                *("nsenter", "--target", str(self.pid), "--preserve-credentials"),
                *("--user", "--mount", "--net", "--pid", "--", *command),
            ],
            env=dict(self.variables),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def stop(self) -> int:
        os.kill(self.pid, signal.Signals[image().stop_signal])
        return self.process.wait(LIMIT_S)


@contextmanager
def container(
    data: Path, *start: str, writable: tuple[str, ...] = (), **variables: str
) -> Iterator[Container]:
    """Starts it: no network but loopback, nothing to write but ``data``, no rights.

    ``start``: another command than the image's; ``writable``: more folders, in memory.
    """
    spec = image()
    user, group = spec.user.split(":")
    path = f"/opt/jointtrack/bin:{os.defpath}"
    environment = {**spec.variables, "PATH": path, **variables}
    reading, writing = os.pipe()
    command = [tool("bwrap", "bubblewrap"), "--unshare-all", "--die-with-parent", "--as-pid-1"]
    command += ["--uid", user, "--gid", group, "--cap-drop", "ALL", "--info-fd", str(writing)]
    for folder in writable:
        command += ["--tmpfs", folder]
    for folder in (*_SYSTEM, sys.base_prefix, sys.prefix, str(ROOT)):
        command += ["--ro-bind-try", folder, folder]
    command += ["--ro-bind", sys.prefix, "/opt/jointtrack", "--proc", "/proc", "--dev", "/dev"]
    command += ["--bind", str(data), spec.volume, "--remount-ro", "/", "--chdir", spec.folder]
    log = data.with_name("log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *(start or spec.command)],
            env=environment,
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
        )
    os.close(writing)
    try:
        with open(reading) as told:
            pid = json.loads(told.read())["child-pid"]
        yield Container(process, pid, environment, log)
    finally:
        process.kill()
        process.wait()
