"""A server of its own that is fuzzed, with small limits so that what is kept soon shows."""

from collections.abc import Iterator

import pytest
from PIL import Image

from jointtrack_server.errors import Reason
from tests.fuzz.leaks import nothing_kept
from tests.support.http import Door
from tests.support.picture_files import RGB, save
from tests.support.servers import DATA, RunningServer, run_server

MAX_BAD_FRAMES = 4
MAX_STREAMS = 4
PERSON = save(Image.open(DATA / "arms_out_front.jpg").resize((153, 170)), "JPEG")
NOBODY = save(RGB, "PNG")
NEVER = {Reason.INTERNAL, Reason.OVERLOADED, Reason.STORE_UNAVAILABLE}
"""Why nothing that a caller sends is refused."""


@pytest.fixture(scope="session")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """It fetches from nowhere, and a stream that is not given back is missed after four."""
    with run_server(
        tmp_path_factory.mktemp("data"),
        fetch_hosts=("pictures.invalid",),
        max_bad_frames=MAX_BAD_FRAMES,
        max_streams_per_key=MAX_STREAMS,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def door(fuzzed: RunningServer) -> Iterator[Door]:
    """Its HTTP door, which has answered before and keeps nothing of what it is sent."""
    door = Door(fuzzed)
    door.detect(PERSON)
    with nothing_kept(fuzzed):
        yield door
