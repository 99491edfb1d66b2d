"""A process that uses the store of keys as a server does.

    python -m tests.support.store_process FOLDER URL charge KEY TIMES AT_ONCE
    python -m tests.support.store_process FOLDER URL enter KEY TIMES AT_ONCE
    python -m tests.support.store_process FOLDER URL first

Prints a line for each answer: "yes" or the reason.
"""

import asyncio
import os
import sys
from pathlib import Path

from pydantic import SecretStr

from jointtrack_server.access.database import Database
from jointtrack_server.access.key_gate import KeyGate
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.errors import JointTrackError


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def use(database: Database, what: str, key: str, times: int, at_once: int) -> None:
    gate = KeyGate(database, 8)
    gate.start()
    caller = await gate.enter(key, (), None) if what == "charge" else None
    rest = iter(range(times))

    async def worker() -> None:
        for _ in rest:
            try:
                await (gate.charge(caller) if caller else gate.enter(key, (), None))
            except JointTrackError as error:
                say(error.reason)
            else:
                say("yes")

    await asyncio.gather(*(worker() for _ in range(at_once)))
    gate.close()


def main(folder: str, url: str, what: str, *arguments: str) -> None:
    database = Database(Path(folder), SecretStr(url) if url else None)
    if what == "first":
        say(KeyStore(database).create_first("first key") or "none")
        database.close()
    else:
        key, times, at_once = arguments
        asyncio.run(use(database, what, key, int(times), int(at_once)))


if __name__ == "__main__":
    main(*sys.argv[1:])
