import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.fetching import settled


@pytest.fixture(autouse=True)
async def _nothing_is_left_open() -> AsyncIterator[None]:
    """Tasks and connections of a fetch end with it."""
    before = len(asyncio.all_tasks())
    yield
    await settled(lambda: len(asyncio.all_tasks()) <= before)
