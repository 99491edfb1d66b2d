"""What a server answers whose models run on replicas."""

import pytest

from jointtrack import JointTrackClient
from tests.support.clips import SEEN
from tests.support.replicas import LIGHTNING, MULTIPOSE, THUNDER
from tests.support.servers import DATA, RunningServer
from tests.support.serving import Served
from tests.support.streams import walk_frames

PHOTOS = ("arms_out_front.jpg", "two_people.jpg", "walk_side.jpg")


@pytest.mark.parametrize("model", [LIGHTNING, THUNDER, MULTIPOSE])
def test_the_answers_are_those_of_models_in_the_server(
    server: RunningServer, door: Served, model: str
) -> None:
    pictures = [(DATA / name).read_bytes() for name in PHOTOS] + walk_frames()[SEEN::30]
    with (
        JointTrackClient(server.target, api_key=server.api_key) as here,
        JointTrackClient(door.target) as there,
    ):
        for picture in pictures:
            ours, theirs = (
                client.detect(picture, "knee_flexion", model=model, max_people=2).to_dict()
                for client in (here, there)
            )
            assert ours["people"]
            assert ours["people"] == theirs["people"]


def test_the_server_tells_of_the_replicas_engine(server: RunningServer, door: Served) -> None:
    with (
        JointTrackClient(server.target, api_key=server.api_key) as here,
        JointTrackClient(door.target) as there,
    ):
        ours, theirs = here.server_info(), there.server_info()
    assert theirs.engine_reason.startswith(ours.engine_reason)
    assert "Ray Serve" in theirs.engine_reason
    assert (theirs.engine, theirs.device, theirs.precision) == (
        ours.engine,
        ours.device,
        ours.precision,
    )
    assert theirs.models == ours.models
