"""Why a stream ends before its caller is done."""

from jointtrack_server.errors import JointTrackError, Reason


def server_draining() -> JointTrackError:
    return JointTrackError(
        Reason.SERVER_DRAINING,
        "The server is stopping. Open the stream again, on another server if there is one, "
        "and go on after the last answered frame.",
        retry_after_s=1.0,
    )


def idle(limit_s: float) -> JointTrackError:
    return JointTrackError(
        Reason.STREAM_IDLE,
        f"Nothing came for {limit_s:g} s, the longest that a stream may be silent. "
        "Open another stream when there are frames.",
        metadata={"max_idle_s": f"{limit_s:g}"},
    )


def too_long(limit_s: float) -> JointTrackError:
    return JointTrackError(
        Reason.STREAM_TOO_LONG,
        f"The stream is {limit_s:g} s old, the most that is allowed. Open another one and go on "
        "after the last answered frame.",
        metadata={"max_stream_s": f"{limit_s:g}"},
    )


def not_increasing(sequence_id: int, last_id: int) -> JointTrackError:
    return JointTrackError(
        Reason.SEQUENCE_ID_NOT_INCREASING,
        f"Frame {sequence_id} came after frame {last_id}. Sequence ids start at 0 or more and "
        "increase with every frame.",
        field="frame.sequence_id",
        metadata={"sequence_id": sequence_id, "last_sequence_id": last_id},
    )


def too_many_bad_frames(limit: int) -> JointTrackError:
    return JointTrackError(
        Reason.TOO_MANY_BAD_FRAMES,
        f"More than {limit} frames in a row were bad. Check what the sender encodes.",
        field="frame.image",
        metadata={"max_bad_frames": limit},
    )
