"""Streams that are interrupted and go on; the same with the real server in test_restart.py."""

from typing import TYPE_CHECKING

import pytest

from jointtrack import (
    AuthenticationError,
    JointTrackError,
    QuotaExceededError,
    StreamResumed,
    StreamSummary,
    SummaryRequest,
)
from jointtrack.testing import Failure, FakeServer, detection
from tests.support.interruptions import (
    DRAINING,
    REVOKED,
    TOO_OLD,
    USED_UP,
    answered_ids,
    frames,
    kinds,
)

if TYPE_CHECKING:
    from tests.client.conftest import Shell


@pytest.mark.parametrize("interruption", [DRAINING, TOO_OLD])
def test_every_frame_is_answered_once_in_order(
    server: FakeServer, shell: "Shell", interruption: Failure
) -> None:
    server.frame.enqueue(detection(), detection(), interruption)
    answers = shell.stream(frames(6), resume_timeout_s=30.0)
    assert answered_ids(answers) == [10, 11, 12, 13, 14, 15]
    assert kinds(answers) == [*["detection"] * 2, "resumed", *["detection"] * 4]
    resumed = answers[2]
    assert isinstance(resumed, StreamResumed)
    assert (resumed.sequence_id, resumed.error.reason) == (11, interruption.reason)
    assert (resumed.detection, resumed.summary) == (None, None)
    assert len(server.configs) == 2
    assert server.configs[0] == server.configs[1]


def test_what_is_sent_again_is_the_same(server: FakeServer, shell: "Shell") -> None:
    server.frame.enqueue(DRAINING, detection(), detection(), DRAINING)
    shell.stream([b"a", b"b", b"c"], fps=10, resume_timeout_s=30.0)
    sent: dict[int, list[tuple[float, bytes]]] = {}
    for item in server.frame.requests:
        offset_ms = item.capture_offset.ToMilliseconds()
        sent.setdefault(item.sequence_id, []).append((offset_ms, item.image.encoded))
    assert sent == {0: [(0, b"a")] * 2, 1: [(100, b"b")], 2: [(200, b"c")] * 2}


def test_a_stream_may_break_before_its_first_answer_and_more_than_once(
    server: FakeServer, shell: "Shell"
) -> None:
    server.frame.enqueue(DRAINING, DRAINING, detection(), DRAINING)
    answers = shell.stream(frames(3), resume_timeout_s=30.0)
    assert kinds(answers) == ["resumed", "detection", "resumed", "detection", "detection"]
    assert [answer.sequence_id for answer in answers] == [None, 10, 10, 11, 12]


def test_summaries_keep_their_place_and_begin_anew(server: FakeServer, shell: "Shell") -> None:
    server.frame.enqueue(detection(), detection(), DRAINING)
    one, two, three, four = frames(4)
    sources = [one, two, SummaryRequest(), three, four, SummaryRequest()]
    answers = shell.stream(sources, "splits", resume_timeout_s=30.0)
    assert kinds(answers) == [
        *("detection", "detection", "summary", "resumed"),
        *("detection", "detection", "summary", "summary"),
    ]
    last = answers[-1]
    assert isinstance(last, StreamSummary)
    assert last.frame_count == 2, "of the frames since it went on"


def test_the_last_summary_comes_even_if_no_frame_is_left(
    server: FakeServer, shell: "Shell"
) -> None:
    server.summary.enqueue(DRAINING)
    answers = shell.stream(frames(2), "splits", resume_timeout_s=30.0)
    assert kinds(answers) == ["detection", "detection", "resumed", "summary"]
    last = answers[-1]
    assert isinstance(last, StreamSummary)
    assert (last.frame_count, last.people) == (0, ())


def test_a_stream_that_owes_nothing_more_has_ended(server: FakeServer, shell: "Shell") -> None:
    server.stream_failure = DRAINING
    assert answered_ids(shell.stream(frames(2), resume_timeout_s=30.0)) == [10, 11]
    assert len(server.configs) == 1


@pytest.mark.parametrize("failure", [DRAINING, TOO_OLD, REVOKED, USED_UP])
def test_the_error_says_how_far_the_stream_came(
    server: FakeServer, shell: "Shell", failure: Failure
) -> None:
    server.frame.enqueue(detection(), detection(), failure)
    with pytest.raises(JointTrackError) as caught:
        shell.stream(frames(5))
    assert (caught.value.reason, caught.value.last_sequence_id) == (failure.reason, 11)
    assert caught.value.to_dict()["last_sequence_id"] == 11
    rest = [frame for frame in frames(5) if (frame.sequence_id or 0) > 11]
    assert answered_ids(shell.stream(rest)) == [12, 13, 14]


@pytest.mark.parametrize(
    ("failure", "kind"), [(REVOKED, AuthenticationError), (USED_UP, QuotaExceededError)]
)
def test_what_waiting_does_not_help_is_raised(
    server: FakeServer, shell: "Shell", failure: Failure, kind: type[JointTrackError]
) -> None:
    server.frame.enqueue(detection(), DRAINING, detection(), failure)
    with pytest.raises(kind) as caught:
        shell.stream(frames(5), resume_timeout_s=30.0)
    assert caught.value.last_sequence_id == 11
    assert len(server.configs) == 2
