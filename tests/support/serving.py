"""`jointtrack serve` as a process of its own, and the calls that it prints."""

import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.support.command import COMMAND, ENVIRONMENT
from tests.support.ray_cluster import OF_SERVERS
from tests.support.servers import DATA

START_S = 120.0
STOP_S = 15.0
PHOTO = DATA / "arms_out_front.jpg"


@dataclass
class Served:
    """A running `jointtrack serve`; ``printed`` is its banner."""

    process: "subprocess.Popen[str]"
    folder: Path
    printed: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.printed)

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()

    @property
    def url(self) -> str:
        return self._found(r"HTTP on (https?://\S+)")

    @property
    def target(self) -> str:
        return self._found(r"gRPC on (\S+)")

    @property
    def logged(self) -> list[dict[str, Any]]:
        """The lines of the log."""
        return [json.loads(line) for line in self.stderr.splitlines()]

    @property
    def key(self) -> str:
        return self._found(r"^API key.*: (\S+)$")

    @property
    def curl(self) -> str:
        return next(line for line in self.printed if line.startswith("curl "))

    @property
    def python(self) -> str:
        start = next(at for at, line in enumerate(self.printed) if line.endswith("<<EOF"))
        return "\n".join(self.printed[start : self.printed.index("EOF") + 1])

    @property
    def export(self) -> str:
        return next(line for line in self.printed if line.startswith("export "))

    def _found(self, pattern: str) -> str:
        match = re.search(pattern, self.text, re.MULTILINE)
        assert match is not None, self.text
        return match.group(1)

    def shell(self, commands: str) -> str:
        """Standard output of the commands, run from the folder in which the server started."""
        done = subprocess.run(
            commands,
            shell=True,
            cwd=self.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, key: str | None) -> int:
        headers = {} if key is None else {"X-API-Key": key}
        with PHOTO.open("rb") as file:
            answer = requests.post(
                f"{self.url}/jointtrack/v1/detect",
                files={"image": file},
                data={"measurement": "knee_flexion"},
                headers=headers,
                timeout=30,
            )
        return answer.status_code

    def stop(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return self.process.wait(STOP_S)


@contextmanager
def serving(folder: Path, *options: str, **variables: str) -> Iterator[Served]:
    folder.mkdir(exist_ok=True)
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [COMMAND, "serve", "--grpc-port", "0", "--http-port", "0", *options],
            cwd=folder,
            env={**ENVIRONMENT, **OF_SERVERS, **variables},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    served = Served(process, folder)
    giving_up = threading.Timer(START_S, process.kill)
    giving_up.start()
    try:
        for line in process.stdout:
            served.printed.append(line.rstrip("\n"))
            if served.printed[-1] == "EOF":
                break
        giving_up.cancel()
        assert process.poll() is None, served.stderr
        yield served
    finally:
        giving_up.cancel()
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def assert_calls_work_as_printed(served: Served, before: str = "") -> None:
    assert served.shell(f"{before}\n{served.curl}") == "200 answer.json\n"
    answer = json.loads((served.folder / "answer.json").read_text())
    assert answer["status"] == "ok"
    angles = served.shell(f"{before}\n{served.python}")
    left, right = map(int, re.findall(r"-?\d+", angles))
    assert 60 <= left <= 90
    assert 35 <= right <= 70
    overlay = served.folder / "overlay.jpg"
    assert overlay.read_bytes().startswith(b"\xff\xd8\xff")
    overlay.unlink()
