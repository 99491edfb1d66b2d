"""What is asked of every file, and the mark by which a later run knows that it asks the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from jointtrack import _requests
from jointtrack.errors import JointTrackError as ClientError
from jointtrack.names import Overflow
from jointtrack_server.batch.errors import BatchError
from jointtrack_server.engines.configured import configured_engine
from jointtrack_server.errors import JointTrackError
from jointtrack_server.grpc_api.requests import to_detect_options
from jointtrack_server.grpc_api.streams import to_stream_options
from jointtrack_server.pipeline.frames import StreamOptions
from jointtrack_server.pipeline.options import DetectOptions
from jointtrack_server.settings import Settings
from jointtrack_server.settings.access import AccessSettings


@dataclass(frozen=True, slots=True)
class Plan:
    """The options of pictures and of videos, checked as the server's door checks them."""

    pictures: DetectOptions
    videos: StreamOptions
    settings: Settings
    asked: Mapping[str, Any]
    """The options as the command was given them."""

    def mark(self, source: str) -> dict[str, Any]:
        """All that decides which numbers come out, ready for JSON."""
        settings, model = self.settings, self.pictures.model
        weights = settings.model_paths.get(model.name)
        return {
            "source": source,
            **self.asked,
            "model": model.title,
            "weights": settings.model_source if weights is None else str(weights),
            "engine": settings.engine,
            "precision": settings.precision,
            "jointtrack": version("jointtrack"),
        }


def make_plan(
    measurements: tuple[str, ...], options: Mapping[str, Any], settings: Settings
) -> Plan:
    """``options``: keyword arguments of ``JointTrackClient.stream``, for pictures and videos alike.

    Raises BatchError for what the server would refuse, StartupError for an engine that is not here.
    """
    smoothing = options["smoothing"]
    of_pictures = {key: value for key, value in options.items() if key != "smoothing"}
    try:
        message = _requests.detect_options(
            measurements=measurements,
            model_version=None,
            region=None,
            include_overlays=False,
            **of_pictures,
        )
        stream = _requests.stream_config(
            message, overflow=Overflow.BLOCK, max_in_flight=None, smoothing=smoothing
        )
        pictures = to_detect_options(message)
        videos = to_stream_options(stream, settings.max_in_flight)
    except (ClientError, JointTrackError) as error:
        raise BatchError(error.message) from error
    asked = {"measurements": list(measurements), **options}
    return Plan(pictures, videos, _same_everywhere(settings), asked)


def _same_everywhere(settings: Settings) -> Settings:
    """Engine and precision by name, so that no worker chooses others; without secrets."""
    engine = configured_engine(settings, streams=1)
    keyless = {
        name: field.get_default(call_default_factory=True)
        for name, field in AccessSettings.model_fields.items()
    }
    chosen = {"engine": engine.name, "precision": engine.precision}
    return settings.model_copy(update=keyless | chosen)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What two marks disagree on, in words; empty if on nothing."""
    return ", ".join(
        f"{name} was {_shown(before.get(name))} and is {_shown(now.get(name))}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    )


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
