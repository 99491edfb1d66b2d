"""A stream of the blocking client: background threads read and send, the caller takes answers."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

import grpc

from jointtrack import _responses
from jointtrack._outbox import Outbox
from jointtrack._resumption import Resumption
from jointtrack.errors import JointTrackError
from jointtrack.frames import FrameNumbering, StreamSource
from jointtrack.types import StreamAnswer, StreamResumed
from jointtrack.v1 import jointtrack_service_pb2 as pb

if TYPE_CHECKING:
    Call: TypeAlias = grpc._CallIterator[pb.StreamDetectResponse]
    Start: TypeAlias = Callable[[Iterator[pb.StreamDetectRequest], float | None], Call]


def answers(
    config: pb.StreamDetectRequest,
    frames: Iterable[StreamSource],
    numbering: FrameNumbering,
    resumption: Resumption,
    *,
    connect: Callable[[float | None], None],
    start: "Start",
    is_closed: Callable[[], bool],
    to_error: Callable[[grpc.RpcError], JointTrackError],
) -> Generator[StreamAnswer, None, None]:
    """Sends the config and the frames, yields the answers; closing it cancels the call.

    An error that ``frames`` raises ends the stream and is raised here.
    """
    connect(None)
    resumption.begin()
    exchange = _Exchange(config, frames, numbering, keeps=resumption.is_wanted)
    interruption: JointTrackError | None = None
    try:
        while True:
            try:
                if interruption is not None:
                    connect(resumption.connect_timeout_s())
                with closing(exchange.call(start, resumption.left_s(), to_error)) as answered:
                    for answer in answered:
                        resumption.reset()
                        if interruption is not None:
                            yield StreamResumed(interruption.last_sequence_id, interruption)
                            interruption = None
                        yield answer
            except JointTrackError as error:
                error.last_sequence_id = exchange.outbox.last_sequence_id
                if is_closed() or not resumption.may_follow(error):
                    raise
                interruption = interruption or error
                last_error = error
            else:
                return
            if not exchange.has_more(resumption):
                return
            exchange.pause(resumption.pause_s(last_error))
    finally:
        exchange.close()


class _Exchange:
    """Reads the frames in a thread of its own, for one call after the other."""

    def __init__(
        self,
        config: pb.StreamDetectRequest,
        frames: Iterable[StreamSource],
        numbering: FrameNumbering,
        *,
        keeps: bool,
    ) -> None:
        self.outbox = Outbox(config.config, keeps=keeps)
        self._config = config
        self._frames = frames
        self._numbering = numbering
        self._changed = threading.Condition()
        self._call: Call | None = None
        self._failure: Exception | None = None
        self._is_closed = False
        threading.Thread(target=self._read, name="jointtrack frames", daemon=True).start()

    def call(
        self,
        start: "Start",
        timeout_s: float | None,
        to_error: Callable[[grpc.RpcError], JointTrackError],
    ) -> Generator[StreamAnswer, None, None]:
        """One call: sends what is unanswered and what comes, yields the answers."""
        with self._changed:
            number = self.outbox.begin_call()
            self._changed.notify_all()
        call = start(self._requests(number), timeout_s)
        self._attach(call)
        try:
            for response in call:
                with self._changed:
                    taken_s = self.outbox.answered(response)
                    self._changed.notify_all()
                answer = _responses.stream_answer(response, taken_s)
                if answer is not None:
                    yield answer
        except grpc.RpcError as error:
            if self._failure is None:
                raise to_error(error) from None
        finally:
            call.cancel()
        self._raise_failure()

    def has_more(self, resumption: Resumption) -> bool:
        """Between two calls: waits until there is something to send, or all has been answered."""
        with self._changed:
            if not self.outbox.has_work:
                resumption.reset()
                self._changed.wait_for(
                    lambda: self.outbox.has_work or self._failure, resumption.left_s()
                )
            self._raise_failure()
            if not self.outbox.has_work:
                raise resumption.too_late()
            return not self.outbox.is_finished

    def pause(self, pause_s: float) -> None:
        """Waits, unless the frames fail."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure, pause_s)
        self._raise_failure()

    def close(self) -> None:
        """Lets all threads end; one that reads a frame, when that is there."""
        with self._changed:
            self._is_closed = True
            self.outbox.begin_call()
            self._changed.notify_all()

    def _attach(self, call: "Call") -> None:
        with self._changed:
            self._call = call
            has_failed = self._failure is not None
        if has_failed:
            call.cancel()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _requests(self, number: int) -> Generator[pb.StreamDetectRequest, None, None]:
        yield self._config
        while (message := self._take(number)) is not None:
            yield message

    def _take(self, number: int) -> pb.StreamDetectRequest | None:
        with self._changed:
            self._changed.wait_for(lambda: self.outbox.has_next(number))
            message = self.outbox.take(number)
            self._changed.notify_all()
            return message

    def _read(self) -> None:
        try:
            for source in self._frames:
                if not self._put(self._numbering.message(source)):
                    return
        except Exception as error:
            self._fail(error)
            return
        with self._changed:
            self.outbox.end()
            self._changed.notify_all()

    def _put(self, message: pb.StreamDetectRequest) -> bool:
        """Waits until the next frame is wanted; False if none will be."""
        with self._changed:
            self.outbox.put(message)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.outbox.wants_more or self._is_closed)
            return not self._is_closed

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()
            call = self._call
        if call is not None:
            call.cancel()
