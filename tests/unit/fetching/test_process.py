"""What fetching means for the server's start and end."""

import subprocess
import sys

STUCK_LOOKUP = """
import asyncio, socket, time
from jointtrack_server.errors import JointTrackError
from jointtrack_server.fetching.fetcher import Fetcher
from jointtrack_server.fetching.rules import FetchRules

async def main():
    try:
        await Fetcher(FetchRules(max_bytes=1, timeout_s=1)).fetch("http://example.com/")
    except JointTrackError as error:
        print(error.metadata["why"])

socket.getaddrinfo = lambda *_, **__: time.sleep(3600)
asyncio.run(main())
"""


def output_of(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def test_httpcore_is_loaded_at_the_first_fetch() -> None:
    code = "import sys, jointtrack_server.app; print('httpcore' in sys.modules)"
    assert output_of(code) == "False"


def test_a_silent_name_server_does_not_hold_up_the_end() -> None:
    assert output_of(STUCK_LOOKUP) == "timeout"
