"""A PostgreSQL server of the tests' own, on a socket in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest
from pydantic import SecretStr

PASSWORD = "a-password-never-shown"
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


@dataclass(frozen=True)
class Cluster:
    """Started and stopped at will; its data stay."""

    programs: Path
    folder: Path
    user: str | None

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=50"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """As if it had been killed."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Its processes take connections and answer nothing."""
        first = psutil.Process(int((self.folder / "data/postmaster.pid").read_text().split()[0]))
        processes = [first, *first.children(recursive=True)]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    @contextmanager
    def empty_database(self) -> Iterator[SecretStr]:
        """The URL of the database, which is emptied in the end."""
        yield SecretStr(f"postgresql://tester:{PASSWORD}@/postgres?host={self.folder}")
        whole = f"host={self.folder} user=tester password={PASSWORD} dbname=postgres"
        with psycopg.connect(whole) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def initialise(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self.user is not None:
            shutil.chown(self.folder, self.user)
            shutil.chown(password, self.user)
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", "-D", self._data, "-U", "tester", f"--pwfile={password}", *options)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments],
            user=self.user,
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def running_postgres() -> Iterator[Cluster]:
    """Skips the test where PostgreSQL is not installed, but not in CI."""
    programs = _programs()
    if programs is None:
        message = "PostgreSQL's initdb was not found: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    # Its socket's path must be short, and its owner must get there: no folder of pytest's.
    with tempfile.TemporaryDirectory(prefix="jt-pg-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(programs, Path(folder), _owner())
        cluster.initialise()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    places = [one for place in _PLACES for one in Path("/").glob(place.lstrip("/"))]
    return max(places, default=None)


def _owner() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"
