"""The summary as JSON: what was asked, of what, with which model, and the range of motion."""

import json
from pathlib import Path
from typing import Any

from jointtrack.types import ModelInfo, ServerInfo
from jointtrack_server.video.job import Job, Outcome
from jointtrack_server.video.sink import Sink


class JsonSummary(Sink):
    """The stream's summary with the source, the server, the model and the settings beside it."""

    def __init__(self, path: Path, job: Job) -> None:
        self._path = path
        self._job = job

    def finish(self, outcome: Outcome) -> None:
        text = json.dumps(as_dict(self._job, outcome), ensure_ascii=False, indent=2)
        self._path.write_text(text + "\n", encoding="utf-8")


def as_dict(job: Job, outcome: Outcome) -> dict[str, Any]:
    """Ready for JSON."""
    return {
        "file": job.source,
        "ended_early": outcome.ended_early,
        "bad_frame_count": outcome.bad_frame_count,
        "frames_per_s": round(outcome.frames_per_s, 2),
        "server_version": outcome.server.server_version,
        "model": _model(outcome.server, job).to_dict(),
        "settings": {"measurements": list(job.measurements), **job.stream},
        **outcome.summary.to_dict(),
    }


def _model(server: ServerInfo, job: Job) -> ModelInfo:
    """The one asked for, else the default."""
    asked = job.stream["model"]
    return next(
        one for one in server.models if (one.is_default if asked is None else one.name == asked)
    )
