"""What a request's line in the log and its span say of the work it was."""

from jointtrack_server.errors import JointTrackError
from jointtrack_server.motion.types import StreamSummary
from jointtrack_server.pipeline.frames import Dropped, StreamAnswer
from jointtrack_server.pipeline.options import Detection, DetectOptions

Facts = dict[str, str | int | float]


def facts_of(options: DetectOptions, detection: Detection) -> Facts:
    return {
        "model": options.model.name,
        "people": len(detection.people),
        "image_width_px": detection.image_size.width_px,
        "image_height_px": detection.image_size.height_px,
    }


def facts_of_stream(options: DetectOptions) -> Facts:
    """Before its first frame."""
    return {"model": options.model.name, "frames": 0, "frames_dropped": 0, "frames_failed": 0}


def count_frame(facts: Facts, answer: StreamAnswer) -> None:
    match answer.outcome:
        case StreamSummary():
            return
        case Dropped():
            _add_one(facts, "frames_dropped")
        case JointTrackError():
            _add_one(facts, "frames_failed")
    _add_one(facts, "frames")


def _add_one(facts: Facts, name: str) -> None:
    facts[name] = int(facts[name]) + 1
