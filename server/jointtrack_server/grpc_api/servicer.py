"""The service: each method translates, lets the pipeline work, and translates back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceServicer
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.grpc_api import requests, responses, streams
from jointtrack_server.grpc_api.interceptor import Context
from jointtrack_server.measurements import measure
from jointtrack_server.observability.facts import count_frame, facts_of, facts_of_stream
from jointtrack_server.observability.metrics import Metrics
from jointtrack_server.observability.observer import CURRENT
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.frames import StreamLimits
from jointtrack_server.pipeline.incoming import Converted, first_message
from jointtrack_server.pipeline.models import LoadedModels
from jointtrack_server.pipeline.runner import Runner
from jointtrack_server.pipeline.session import StreamSession


@dataclass(frozen=True, slots=True)
class JointTrackServicer(JointTrackServiceServicer):
    """Everything is wired by ``app``; ``draining`` is set when the server stops."""

    pipeline: DetectPipeline
    metrics: Metrics
    models: LoadedModels
    runner: Runner
    limits: service_pb2.Limits
    stream_limits: StreamLimits
    version: str
    draining: asyncio.Event

    async def Detect(  # noqa: N802
        self, request: service_pb2.DetectRequest, context: Context
    ) -> service_pb2.DetectResponse:
        options = requests.to_detect_options(request.options)
        source = requests.to_source(request.image)
        del request  # it holds the picture a second time
        detection = await self.pipeline.detect(source, options, deadline_s=_deadline_s(context))
        self.metrics.pictures.count(detection)
        CURRENT.get().facts |= facts_of(options, detection)
        response = service_pb2.DetectResponse(
            model=responses.to_model_pb(options.model, self.models.origin(options.model)),
            image=responses.to_encoded_pb(detection.image) if detection.image else None,
        )
        responses.fill_detection_pb(response.detection, detection)
        return response

    async def StreamDetect(  # noqa: N802
        self, request_iterator: AsyncIterator[service_pb2.StreamDetectRequest], context: Context
    ) -> AsyncIterator[service_pb2.StreamDetectResponse]:
        first = await first_message(request_iterator, self.draining, self.stream_limits.max_idle_s)
        if first is None:
            return
        options = streams.to_stream_options(first, self.limits.max_in_flight)
        observed = CURRENT.get()
        observed.facts |= facts_of_stream(options.detect)
        session = StreamSession(
            self.pipeline,
            self.runner,
            options,
            draining=self.draining,
            limits=self.stream_limits,
            trace=observed.trace,
        )
        messages = Converted(request_iterator, streams.to_message)
        async with aclosing(session.run(messages)) as answers:
            async for answer in answers:
                self.metrics.frames.count(answer)
                count_frame(observed.facts, answer)
                yield streams.to_answer_pb(answer, observed.id)

    async def Measure(  # noqa: N802
        self, request: service_pb2.MeasureRequest, context: Context
    ) -> service_pb2.MeasureResponse:
        options = requests.to_measure_options(request.measurements, request)
        if not options.names:
            raise JointTrackError(
                Reason.MISSING_MEASUREMENT,
                "No measurement was asked for. Name at least one in measurements.",
                field="measurements",
            )
        measured = measure(requests.to_pose(request), options)
        self.metrics.pictures.count_measurements(measured)
        return service_pb2.MeasureResponse(
            measurements=responses.to_measurements_pb(measured, overlays={})
        )

    async def GetServerInfo(  # noqa: N802
        self, request: service_pb2.GetServerInfoRequest, context: Context
    ) -> service_pb2.GetServerInfoResponse:
        engine = self.models.engine
        return service_pb2.GetServerInfoResponse(
            server_version=self.version,
            models=[
                responses.to_model_pb(spec, self.models.origin(spec)) for spec in self.models.specs
            ],
            engine=engine.name,
            device=engine.device,
            precision=engine.precision,
            engine_reason=engine.reason,
            measurements=responses.measurement_infos_pb(),
            limits=self.limits,
        )


def _deadline_s(context: Context) -> float | None:
    """The call's deadline on ``time.monotonic``'s clock."""
    remaining_s = context.time_remaining()
    return None if remaining_s is None else time.monotonic() + remaining_s
