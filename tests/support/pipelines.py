"""The pipeline as the server wires it, without its doors."""

from jointtrack_server.fetching.fetcher import Fetcher
from jointtrack_server.fetching.rules import FetchRules
from jointtrack_server.imaging.decode import ImageLimits
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.models import LoadedModels
from jointtrack_server.pipeline.runner import Runner

LIMITS = ImageLimits(32 << 20, 64_000_000)


def pipeline_on(models: LoadedModels, runner: Runner) -> DetectPipeline:
    return DetectPipeline(models.models, models.finder, runner, LIMITS, no_urls())


def no_urls() -> Fetcher:
    return Fetcher(FetchRules(LIMITS.max_bytes, enabled=False))
