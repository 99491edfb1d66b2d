"""Every frame is answered once and in order, whenever and however often the stream breaks off."""

from collections import deque
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from jointtrack._outbox import MIN_UNANSWERED, Outbox
from jointtrack.v1 import jointtrack_service_pb2 as pb
from jointtrack.v1 import measurement_pb2, summary_pb2

MEASURING = pb.StreamConfig(
    options=pb.DetectOptions(measurements=[measurement_pb2.MEASUREMENT_TYPE_SPLITS])
)
SUMMARY = "summary"


def frame(sequence_id: int) -> pb.StreamDetectRequest:
    return pb.StreamDetectRequest(frame=pb.Frame(sequence_id=sequence_id))


def summary_request() -> pb.StreamDetectRequest:
    return pb.StreamDetectRequest(summary_request=pb.SummaryRequest())


class Stream:
    """Frames by sequence id, SUMMARY for a summary request, through one outbox to servers that
    answer as the contract says and may vanish at any time.
    """

    def __init__(self, sources: list[int | str]) -> None:
        self.outbox = Outbox(MEASURING, keeps=True)
        self.answers: list[int | str] = []
        self.unanswered = 0
        self._sources = deque(sources)
        self._received: deque[pb.StreamDetectRequest] = deque()
        self._has_all = self._has_ended = False
        self._last_id = -1
        self._call = self.outbox.begin_call()

    def read(self) -> None:
        if not self._sources:
            self.outbox.end()
        elif self.outbox.wants_more:
            source = self._sources.popleft()
            self.outbox.put(frame(source) if isinstance(source, int) else summary_request())
            self.unanswered += 1

    def send(self) -> None:
        if self.outbox.has_next(self._call):
            message = self.outbox.take(self._call)
            self._has_all = message is None
            if message is not None:
                self._received.append(message)

    def answer(self) -> None:
        if self._received:
            message = self._received.popleft()
            if message.HasField("frame"):
                self._last_id = message.frame.sequence_id
                self._send_back(detection=pb.Detection())
            else:
                self._send_back(summary=summary_pb2.StreamSummary())
        elif self._has_all and not self._has_ended:
            self._has_ended = True
            if self._last_id >= 0:
                self._send_back(summary=summary_pb2.StreamSummary())

    def break_off(self) -> None:
        if not self.outbox.is_finished:
            self._received.clear()
            self._has_all = self._has_ended = False
            self._last_id = -1
            self._call = self.outbox.begin_call()

    def _send_back(
        self,
        detection: pb.Detection | None = None,
        summary: summary_pb2.StreamSummary | None = None,
    ) -> None:
        self.outbox.answered(
            pb.StreamDetectResponse(sequence_id=self._last_id, detection=detection, summary=summary)
        )
        self.answers.append(SUMMARY if summary is not None else self._last_id)
        self.unanswered -= 1


STEPS = (Stream.read, Stream.send, Stream.answer, Stream.break_off)


@settings(max_examples=1000)
@given(
    st.lists(st.booleans(), max_size=30),
    st.lists(st.sampled_from(STEPS), max_size=200),
)
def test_each_message_is_answered_once_and_in_its_place(
    are_frames: list[bool], steps: list[Callable[[Stream], None]]
) -> None:
    sources = [3 * at if is_frame else SUMMARY for at, is_frame in enumerate(are_frames)]
    stream = Stream(sources)
    for step in steps:
        step(stream)
        assert stream.unanswered <= MIN_UNANSWERED
    for _ in range(3 * len(sources) + 3):
        for step in (Stream.read, Stream.send, Stream.answer):
            step(stream)
    assert stream.answers == [*sources, *([SUMMARY] if any(are_frames) else [])]
    assert stream.outbox.is_finished
    assert stream.outbox.last_sequence_id == max(
        (source for source in sources if isinstance(source, int)), default=None
    )


def test_without_keeping_a_message_is_held_until_it_is_taken() -> None:
    outbox = Outbox(MEASURING, keeps=False)
    call = outbox.begin_call()
    for sequence_id in range(2 * MIN_UNANSWERED):
        assert outbox.wants_more
        outbox.put(frame(sequence_id))
        assert not outbox.wants_more, "the next one is read when this one is on its way"
        assert outbox.take(call) == frame(sequence_id)
    outbox.end()
    assert outbox.take(call) is None
    assert not outbox.is_finished, "who knows"


def test_a_server_that_holds_more_gets_more() -> None:
    outbox = Outbox(pb.StreamConfig(max_in_flight=20), keeps=True)
    call = outbox.begin_call()
    sent = 0
    while outbox.wants_more:
        outbox.put(frame(sent))
        outbox.take(call)
        sent += 1
    assert sent == 40


def test_the_calls_before_take_nothing() -> None:
    outbox = Outbox(MEASURING, keeps=True)
    first = outbox.begin_call()
    outbox.put(frame(0))
    second = outbox.begin_call()
    assert outbox.has_next(first), "it need not wait: it is over"
    assert outbox.take(first) is None
    assert outbox.take(second) == frame(0)
