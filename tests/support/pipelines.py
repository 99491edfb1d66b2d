"""The pipeline as the server wires it, without its doors."""

from jointtrack_server.imaging.decode import ImageLimits
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.models import LoadedModels
from jointtrack_server.pipeline.runner import Runner

LIMITS = ImageLimits(32 << 20, 64_000_000)


def pipeline_on(models: LoadedModels, runner: Runner) -> DetectPipeline:
    return DetectPipeline(models.models, models.finder, runner, LIMITS)
