"""A stream of the blocking client: a background thread sends, the caller reads."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import grpc

from jointtrack import _responses
from jointtrack.errors import JointTrackError
from jointtrack.frames import FrameNumbering, StreamSource
from jointtrack.types import StreamAnswer
from jointtrack.v1 import jointtrack_service_pb2 as pb

if TYPE_CHECKING:
    Call: TypeAlias = grpc._CallIterator[pb.StreamDetectResponse]


def answers(
    config: pb.StreamDetectRequest,
    frames: Iterable[StreamSource],
    numbering: FrameNumbering,
    *,
    connect: Callable[[], None],
    start: "Callable[[Iterator[pb.StreamDetectRequest]], Call]",
    to_error: Callable[[grpc.RpcError], JointTrackError],
) -> Generator[StreamAnswer, None, None]:
    """Sends the config and the frames, yields the answers; closing it cancels the call.

    An error that ``frames`` raises ends the stream and is raised here.
    """
    connect()
    started = threading.Event()
    failures: list[Exception] = []

    def requests() -> Generator[pb.StreamDetectRequest, None, None]:
        yield config
        try:
            for source in frames:
                yield numbering.message(source)
        except Exception as error:
            failures.append(error)
            started.wait()
            call.cancel()

    call = start(requests())
    started.set()
    try:
        for response in call:
            answer = _responses.stream_answer(response)
            if answer is not None:
                yield answer
    except grpc.RpcError as error:
        if not failures:
            raise to_error(error) from None
    finally:
        call.cancel()
    if failures:
        raise failures[0]
