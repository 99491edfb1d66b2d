"""Messages of a live connection, of any kind and in any order: an answer or a refusal in JSON, and
the next caller is served."""

import json
import math
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import Reason
from jointtrack_server.rest_api.live_messages import HEAD
from tests.fuzz.conftest import NEVER, NOBODY, PERSON
from tests.fuzz.mutate import changed
from tests.support.http import Door, live_url

TIMEOUT_S = 60
EXAMPLES = 150
CODES = {ERROR_CODES[reason].rest for reason in set(Reason) - NEVER}
CLOSE_CODES = {1000, 1007, 1008, 1009}
"""Done, no UTF-8, refused, too large (RFC 6455, section 7.4.1)."""

END = '{"end": true}'
DEEP = "[" * 20_000
WIDE = "[" + "1," * 20_000 + "1]"

Message = str | bytes


def config(door: Door, **fields: Any) -> str:
    asked = {"measurement": "shoulder_abduction", "model": "movenet-lightning"}
    return json.dumps({"apiKey": door.server.api_key, **asked, "overflow": "block", **fields})


def frame(sequence_id: int, capture_s: float, picture: bytes = PERSON) -> bytes:
    return HEAD.pack(sequence_id, capture_s) + picture


def exchange(door: Door, *messages: Message) -> tuple[list[Any], int | None]:
    """What is answered until the server ends it, and its close code."""
    answers = []
    with connect(live_url(door.server.url), max_size=None, open_timeout=TIMEOUT_S) as connection:
        try:
            for message in messages:
                connection.send(message)
            while True:
                answers.append(_strict(connection))
        except ConnectionClosed as closed:
            return answers, closed.rcvd.code if closed.rcvd else None


def _strict(connection: ClientConnection) -> Any:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    return json.loads(connection.recv(timeout=TIMEOUT_S), parse_constant=refuse)


def serves_the_next(door: Door) -> None:
    answers, code = exchange(door, config(door), frame(0, 0.0), END)
    assert [one["sequenceId"] for one in answers] == [0, 0]
    assert answers[0]["people"]
    assert answers[1]["summary"]
    assert code == 1000


PICTURES = st.sampled_from((PERSON, NOBODY, PERSON[:500], b""))
HEADS = st.tuples(st.integers(0, 9) | st.integers(0, 2**63 - 1), st.floats(0, 9) | st.floats()).map(
    lambda head: HEAD.pack(*head)
)
TEXTS = st.text(max_size=50) | st.sampled_from((END, DEEP, WIDE, '{"end": 1}', "{}", "\x00"))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    chance = random.Random(draw(st.integers(0, 2**32)))
    return changed(frame(draw(st.integers(0, 9)), 0.0), chance)


FRAMES = st.builds(bytes.__add__, HEADS, PICTURES)
ANY = st.one_of(FRAMES, FRAMES, damaged(), st.binary(max_size=40), TEXTS)


@st.composite
def conversation(draw: st.DrawFn) -> list[Message]:
    """After a config: frames of increasing ids, with messages of any kind among them."""
    messages: list[Message] = []
    for sequence_id in range(draw(st.integers(0, 5))):
        if draw(st.integers(0, 3)) == 0:
            messages.append(draw(ANY))
        else:
            messages.append(frame(sequence_id, draw(st.floats()), draw(PICTURES)))
    return [*messages, END]


def is_known(answers: list[Any], code: int | None) -> None:
    for one in answers:
        assert "error" not in one or one["error"]["code"] in CODES, one
    assert code in CLOSE_CODES


def test_any_messages_are_answered_or_refused(door: Door) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(conversation())
    @example([DEEP * 100])
    @example([f"[{WIDE}" + f",{WIDE}" * 100 + "]"])
    @example([frame(0, math.nan), frame(1, 1.0), END])
    @example([frame(0, math.inf), frame(1, -math.inf), END])
    @example([frame(2**63 - 1, 0.0), END])
    @example([frame(0, 0.0), frame(1, 5e-324), frame(2, 1.0), END])
    @example([frame(-1, 0.0)])
    def check(messages: list[Message]) -> None:
        is_known(*exchange(door, config(door), *messages))

    check()
    serves_the_next(door)


FIELDS = ("measurement", "side", "model", "search", "people", "overflow", "strict", "apiKey")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def test_any_first_message_is_taken_or_refused(door: Door) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from(FIELDS), VALUES), st.none() | TEXTS | st.binary())
    def check(fields: dict[str, Any], instead: Message | None) -> None:
        first = config(door, **fields) if instead is None else instead
        is_known(*exchange(door, first, frame(0, 0.0), END))

    check()
    serves_the_next(door)
