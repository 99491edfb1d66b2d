"""The store of keys as several processes see it, and as it goes away."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.pool import Pool

from jointtrack_server.access.caller import Caller, Scope
from jointtrack_server.access.database import FILE_NAME, Database
from jointtrack_server.access.gate import Gate
from jointtrack_server.errors import JointTrackError, Reason
from tests.support.postgres import Cluster
from tests.support.waiting import WAIT_S


@dataclass(frozen=True)
class Store:
    """Where a store is; ``url`` is None for a file in the folder."""

    data_dir: Path
    url: SecretStr | None
    cluster: Cluster | None = None

    def open(self) -> Database:
        return Database(self.data_dir, self.url)

    @property
    def file(self) -> Path:
        return self.data_dir / FILE_NAME

    @contextmanager
    def away(self) -> Iterator[None]:
        """The folder is gone, or the database's server is down."""
        if self.cluster is not None:
            self.cluster.stop()
            try:
                yield
            finally:
                self.cluster.start()
            return
        elsewhere = self.data_dir.with_name("elsewhere")
        self.data_dir.rename(elsewhere)
        try:
            yield
        finally:
            elsewhere.rename(self.data_dir)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another program holds the file's write lock."""
        with closing(sqlite3.connect(self.file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")

    def process(self, *arguments: str) -> "subprocess.Popen[str]":
        """A process that uses the store: see ``store_process``."""
        url = self.url.get_secret_value() if self.url else ""
        command = [sys.executable, "-m", "tests.support.store_process", str(self.data_dir), url]
        return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)


@dataclass
class Looks:
    """How often this process used the store, and in what time."""

    number: int = 0
    seconds: float = 0.0


ELSEWHERE: set[int] = set()
"""Threads of servers that other tests keep running in this process."""


@contextmanager
def counted_looks() -> Iterator[Looks]:
    looks = Looks()

    def count(*_: object) -> None:
        looks.number += threading.get_ident() not in ELSEWHERE

    event.listen(Pool, "checkout", count)
    began_s = time.monotonic()
    try:
        yield looks
    finally:
        looks.seconds = time.monotonic() - began_s
        event.remove(Pool, "checkout", count)


async def reason_of(answer: Awaitable[object]) -> Reason:
    return (await refusal_of(answer)).reason


async def refusal_of(answer: Awaitable[object]) -> JointTrackError:
    with pytest.raises(JointTrackError) as refusal:
        await answer
    return refusal.value


async def enter(gate: Gate, key: str | None, scope: Scope | None = Scope.DETECT) -> Caller:
    return await gate.enter(key, (), scope)


async def outcome_of(answer: Awaitable[object]) -> Reason | None:
    """Why it was refused, ``None`` if it was not."""
    try:
        await answer
    except JointTrackError as error:
        return error.reason
    return None


async def until_refused(gate: Gate, key: str) -> Reason:
    """Why the key no longer opens, once it does not."""
    async with asyncio.timeout(WAIT_S):
        while True:
            if reason := await outcome_of(enter(gate, key)):
                return reason
            await asyncio.sleep(0.02)


async def until_not_refused(ask: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            if not await outcome_of(ask()):
                return
            await asyncio.sleep(0.02)
