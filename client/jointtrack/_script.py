"""What a fake server answers: messages, failures, or functions of the request."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT", bound=Message)


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal: gRPC status name, reason and message, with the details that a server sends.

    ``ends_stream``: as the answer to a frame, ends the stream instead of being a FrameError.
    """

    code: str
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    field_name: str | None = None
    retry_after_s: float | None = None
    ends_stream: bool = False

    def status(self) -> status_pb2.Status:
        """As google.rpc.Status with ErrorInfo, BadRequest and RetryInfo."""
        info = error_details_pb2.ErrorInfo(
            domain="jointtrack", reason=self.reason, metadata=self.metadata
        )
        details: list[Message] = [info]
        if self.field_name is not None:
            violation = error_details_pb2.BadRequest.FieldViolation(
                field=self.field_name, description=self.message
            )
            details.append(error_details_pb2.BadRequest(field_violations=[violation]))
        if self.retry_after_s is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromNanoseconds(round(self.retry_after_s * 1e9))
            details.append(retry)
        code = grpc.StatusCode[self.code].value[0]
        status = status_pb2.Status(code=code, message=self.message)
        for detail in details:
            status.details.add().Pack(detail)
        return status


class Script(Generic[RequestT, AnswerT]):
    """One call's answers: those enqueued, in order; then ``default`` for every further request.

    An answer is a message, a Failure, or a function of the request that returns one of them.
    ``requests`` holds the messages that arrived. ``delay_s``: before each answer.
    """

    def __init__(self, default: Callable[[RequestT], AnswerT | Failure]) -> None:
        self.default: AnswerT | Failure | Callable[[RequestT], AnswerT | Failure] = default
        self.requests: list[RequestT] = []
        self.delay_s: float = 0.0
        self._queue: deque[AnswerT | Failure | Callable[[RequestT], AnswerT | Failure]] = deque()

    def enqueue(
        self, *answers: AnswerT | Failure | Callable[[RequestT], AnswerT | Failure]
    ) -> None:
        """Adds answers, each for one request."""
        self._queue.extend(answers)

    def answer(self, request: RequestT) -> AnswerT | Failure:
        """What to answer this request; a message is a copy that may be changed."""
        self.requests.append(request)
        answer = self._queue.popleft() if self._queue else self.default
        if isinstance(answer, Failure):
            return answer
        if isinstance(answer, Message):
            copy = type(answer)()
            copy.CopyFrom(answer)
            return copy
        return answer(request)
