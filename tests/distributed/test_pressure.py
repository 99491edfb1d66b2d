"""Replicas that do not answer, and as many of them as there is work."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import requests

from jointtrack import DeadlineExceededError, DetectResult, JointTrackClient, JointTrackError
from tests.support.metrics import Scrape
from tests.support.replicas import LIGHTNING, THUNDER, frozen, replicas
from tests.support.serving import PHOTO, Served
from tests.support.waiting import eventually

CALLERS = 12
"""More than the replica and the queue before it take."""
LIMIT_S = 120.0


def detect(client: JointTrackClient, model: str, timeout_s: float = LIMIT_S) -> DetectResult:
    return client.detect(PHOTO, model=model, timeout_s=timeout_s)


def busy_workers(door: Served) -> float:
    text = requests.get(f"{door.url}/metrics", timeout=30).text
    return Scrape(text).value("jointtrack_workers_busy")


def test_who_finds_the_queue_before_the_replicas_full_is_told_so(door: Served) -> None:
    def outcome(call: "Future[DetectResult]") -> str:
        error = call.exception(LIMIT_S)
        if error is None:
            return "OK"
        assert isinstance(error, JointTrackError)
        assert error.retry_after_s == 1.0
        assert LIGHTNING in str(error)
        return str(error.reason)

    with (
        JointTrackClient(door.target, retries=0) as client,
        ThreadPoolExecutor(CALLERS) as pool,
    ):
        detect(client, LIGHTNING)
        with frozen(LIGHTNING):
            calls = [pool.submit(detect, client, LIGHTNING) for _ in range(CALLERS)]
            eventually(lambda: any(call.done() for call in calls))
        outcomes = [outcome(call) for call in calls]
    assert {*outcomes} == {"OK", "OVERLOADED"}


def test_the_deadline_holds_while_no_replica_answers(door: Served) -> None:
    with JointTrackClient(door.target) as client:
        detect(client, THUNDER)
        with frozen(THUNDER):
            began_s = time.monotonic()
            try:
                detect(client, THUNDER, timeout_s=2.0)
            except DeadlineExceededError:
                assert time.monotonic() - began_s < 30.0
            else:
                raise AssertionError("a frozen replica answered")
            eventually(lambda: busy_workers(door) == 0.0)
        assert detect(client, THUNDER).people


def test_a_replica_that_does_not_answer_holds_nobody_up_for_long(door: Served) -> None:
    """Ray itself notices after 30 s."""
    with JointTrackClient(door.target) as client, ThreadPoolExecutor(CALLERS) as pool:
        for _ in range(20):
            detect(client, THUNDER)
        with frozen(THUNDER, most=1):
            began_s = time.monotonic()
            calls = [pool.submit(detect, client, THUNDER) for _ in range(CALLERS)]
            assert all(call.result(LIMIT_S).people for call in calls)
            assert time.monotonic() - began_s < 20.0


def test_replicas_come_with_the_work_and_go_with_it(door: Served) -> None:
    enough, over = Event(), Event()

    def keep_asking(client: JointTrackClient, end: Event, pause_s: float) -> int:
        times = 0
        while not end.wait(pause_s):
            assert detect(client, LIGHTNING).people
            times += 1
        return times

    eventually(lambda: len(replicas(LIGHTNING)) == 1)
    with JointTrackClient(door.target) as client, ThreadPoolExecutor(5) as pool:
        crowd = [pool.submit(keep_asking, client, enough, 0.0) for _ in range(4)]
        last = pool.submit(keep_asking, client, over, 0.2)
        try:
            eventually(lambda: len(replicas(LIGHTNING)) == 2, LIMIT_S)
            enough.set()
            eventually(lambda: len(replicas(LIGHTNING)) == 1, LIMIT_S)
        finally:
            enough.set()
            over.set()
        assert min(one.result(LIMIT_S) for one in (*crowd, last)) > 0
