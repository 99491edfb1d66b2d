"""Replicas die in the middle of the work."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import requests

from jointtrack import Frame, FrameDetection, JointTrackClient
from tests.support.clips import SEEN
from tests.support.metrics import Scrape
from tests.support.replicas import MULTIPOSE, THUNDER, replicas
from tests.support.servers import DATA
from tests.support.serving import Served
from tests.support.streams import walk_frames
from tests.support.waiting import eventually

CALLERS, STREAMS = 16, 8
KILLS = (THUNDER, MULTIPOSE, THUNDER)
"""The one that is killed is replaced before the next."""
FRAMES = 20
PHOTOS = ("arms_out_front.jpg", "two_people.jpg", "walk_side.jpg")
LIMIT_S = 120.0
MORE_KILLS = 20
"""At most, until a step was under way on the replica that died."""

Knees = list[tuple[float | None, float | None]]


def photo_knees(client: JointTrackClient) -> Knees:
    """The first person's in each of the photos."""
    found = []
    for name in PHOTOS:
        person = client.detect(DATA / name, "knee_flexion", timeout_s=LIMIT_S).person
        knee = person.angle("knee_flexion")
        found.append((knee.left, knee.right))
    return found


def walk_knees(client: JointTrackClient) -> Knees:
    """Those of a stream, which answers each frame once and in order."""
    frames = [Frame(data, at, at / 30) for at, data in enumerate(walk_frames()[SEEN:][:FRAMES])]
    answers = [
        one
        for one in client.stream(frames, "knee_flexion", fps=30)
        if isinstance(one, FrameDetection)
    ]
    assert [one.sequence_id for one in answers] == list(range(FRAMES))
    knees = [one.detection.person.angle("knee_flexion") for one in answers]
    return [(knee.left, knee.right) for knee in knees]


def kill(some: list[psutil.Process], model: str) -> None:
    """Returns once others have taken their places."""
    before = replicas(model)
    for one in some:
        one.kill()
    eventually(
        lambda: len(replicas(model)) == len(before) and not {*some} & {*replicas(model)},
    )


def repeats(door: Served) -> float:
    metrics = Scrape(requests.get(f"{door.url}/metrics", timeout=30).text)
    return metrics.value("jointtrack_steps_repeated_total")


def test_no_call_fails_and_no_frame_is_lost_when_replicas_are_killed(door: Served) -> None:
    over = threading.Event()
    with JointTrackClient(door.target) as client:
        photos, walk = photo_knees(client), walk_knees(client)
        assert any(left is not None for left, _ in photos)

        def keep_asking(ask: Callable[[JointTrackClient], Knees], right: Knees) -> int:
            times = 0
            while not over.is_set():
                assert ask(client) == right
                times += 1
            return times

        with ThreadPoolExecutor(CALLERS + STREAMS) as pool:
            work = [pool.submit(keep_asking, photo_knees, photos) for _ in range(CALLERS)]
            work += [pool.submit(keep_asking, walk_knees, walk) for _ in range(STREAMS)]
            try:
                for model in KILLS:
                    kill(random.sample(replicas(model), 1), model)
                kill(replicas(THUNDER), THUNDER)
                for _ in range(MORE_KILLS):
                    if repeats(door):
                        break
                    kill(random.sample(replicas(THUNDER), 1), THUNDER)
            finally:
                over.set()
            done = [one.result(LIMIT_S) for one in work]
    assert min(done) > 0
    assert repeats(door) > 0
    assert "Traceback" not in door.stderr
