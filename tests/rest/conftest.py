from collections.abc import Callable
from typing import Any

import pytest

from tests.support.http import Door
from tests.support.servers import DATA, RunningServer


@pytest.fixture
def door(server: RunningServer) -> Door:
    return Door(server)


@pytest.fixture
def open_door(start_server: Callable[..., RunningServer]) -> Callable[..., Door]:
    """The HTTP door of a server of the test's own."""

    def open_(**settings: Any) -> Door:
        return Door(start_server(**settings))

    return open_


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A whole person seen from the front, 612x680, a JPEG without EXIF."""
    return (DATA / "arms_out_front.jpg").read_bytes()


@pytest.fixture(scope="session")
def profile() -> bytes:
    """A person walking to the left, seen from the side."""
    return (DATA / "walk_side.jpg").read_bytes()


@pytest.fixture(scope="session")
def two_people() -> bytes:
    return (DATA / "two_people.jpg").read_bytes()
