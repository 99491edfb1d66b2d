"""Who wants no limit sets a large number: the largest of every setting must work."""

from collections.abc import Callable
from typing import Any, get_args

from annotated_types import Le

from jointtrack import JointTrackClient
from jointtrack_server.settings import Settings
from jointtrack_server.settings.numbers import Count, Seconds
from tests.support.http import Door
from tests.support.servers import DATA, RunningServer

PHOTO = DATA / "arms_out_front.jpg"


def largest() -> dict[str, Any]:
    """Of all that bounds what callers send or how long they take."""
    bounds = {get_args(kind)[1].metadata[0] for kind in (Count, Seconds)}
    return {
        name: part.le
        for name, field in Settings.model_fields.items()
        for part in field.metadata
        if isinstance(part, Le) and part in bounds
    }


def test_the_largest_settings_serve(start_server: Callable[..., RunningServer]) -> None:
    numbers = largest()
    assert {"max_queue", "max_message_bytes", "keepalive_s", "http_timeout_s"} <= numbers.keys()
    server = start_server(**numbers)
    with JointTrackClient(server.target, api_key=server.api_key) as client:
        assert client.server_info().limits.max_message_bytes == numbers["max_message_bytes"]
        assert client.detect(PHOTO).people
        assert list(client.stream([PHOTO.read_bytes()] * 2))
    assert Door(server).detect(PHOTO.read_bytes())["measurements"]
