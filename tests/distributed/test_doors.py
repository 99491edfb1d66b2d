"""Two servers on one cluster."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from jointtrack import (
    Frame,
    FrameDetection,
    JointTrackClient,
    JointTrackError,
    StreamResumed,
)
from jointtrack_server.access.caller import Plan
from jointtrack_server.access.database import Database
from jointtrack_server.access.keys import KeyStore
from tests.support.clips import SEEN
from tests.support.postgres import running_postgres
from tests.support.serving import PHOTO, Served, serving
from tests.support.streams import walk_frames
from tests.support.waiting import within_one_minute

FRAMES = 60
KILL_AT = 15
LIMIT_S = 120.0


@dataclass(frozen=True)
class Doors:
    first: Served
    second: Served
    keys: KeyStore

    def outcomes(self, key: str) -> list[str]:
        """What a caller with this key gets at each door: OK or the reason why not."""
        return [outcome(door, key) for door in (self.first, self.second)]


@pytest.fixture(scope="module")
def doors(
    door: Served, on_ray: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doors]:
    """With keys in PostgreSQL. The models are there already: ``door`` has deployed them."""
    folder = tmp_path_factory.mktemp("doors")
    with running_postgres() as postgres, postgres.empty_database() as url:
        variables = {**on_ray, "JOINTTRACK_STORE_URL": url.get_secret_value()}
        with (
            serving(folder / "first", **variables) as first,
            serving(folder / "second", **variables) as second,
            closing(Database(folder, url)) as database,
        ):
            yield Doors(first, second, KeyStore(database))


def outcome(door: Served, key: str) -> str:
    with JointTrackClient(door.target, api_key=key, retries=0) as client:
        try:
            client.detect(PHOTO, timeout_s=LIMIT_S)
        except JointTrackError as error:
            return str(error.reason)
    return "OK"


def test_a_quota_holds_at_all_doors_together(doors: Doors) -> None:
    doors.keys.put_plan(Plan("three", month_pictures=3))
    key, _ = doors.keys.create("clinic", plan="three")
    assert doors.outcomes(key) == ["OK", "OK"]
    assert sorted(doors.outcomes(key)) == ["OK", "QUOTA_EXCEEDED"]
    assert doors.outcomes(key) == ["QUOTA_EXCEEDED"] * 2


def test_a_rate_holds_at_all_doors_together(doors: Doors) -> None:
    doors.keys.put_plan(Plan("slow", minute_requests=3))
    key, _ = doors.keys.create("clinic", plan="slow")
    within_one_minute(10)
    assert doors.outcomes(key) == ["OK", "OK"]
    assert doors.outcomes(key) == ["OK", "RATE_LIMITED"]


def test_a_revoked_key_is_refused_at_all_doors_within_a_second(doors: Doors) -> None:
    key, made = doors.keys.create("clinic")
    assert doors.outcomes(key) == ["OK", "OK"]
    doors.keys.revoke(made.id)
    time.sleep(1.0)
    assert doors.outcomes(key) == ["INVALID_API_KEY"] * 2


def test_a_stream_goes_on_at_another_door_when_its_own_dies(doors: Doors) -> None:
    key, _ = doors.keys.create("clinic")
    both = f"ipv4:{doors.second.target},{doors.first.target}"
    sent = [Frame(data, at, at / 30) for at, data in enumerate(walk_frames()[SEEN:][:FRAMES])]
    answered: list[int] = []
    interruptions = 0
    with JointTrackClient(
        both,
        api_key=key,
        tls=False,
        allow_cleartext_key=True,
        channel_options={"grpc.lb_policy_name": "pick_first"},
    ) as client:
        for answer in client.stream(
            sent, "knee_flexion", fps=30, max_in_flight=4, resume_timeout_s=LIMIT_S
        ):
            if isinstance(answer, StreamResumed):
                interruptions += 1
            elif isinstance(answer, FrameDetection):
                answered.append(answer.sequence_id)
                if len(answered) == KILL_AT:
                    doors.second.process.kill()
    assert answered == list(range(FRAMES))
    assert interruptions == 1
