"""The HTTP application: the documented POST /detect, health, metrics and its own description."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response, Security
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import APIKeyHeader
from fastapi_offline import FastAPIOffline

from jointtrack_server.access.keys import KeyStore
from jointtrack_server.engines.base import Engine
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.observability.metrics import CONTENT_TYPE, Metrics
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.runner import OVERLOAD_RETRY_AFTER_S, Runner
from jointtrack_server.rest_api.answer import to_answer
from jointtrack_server.rest_api.body import find_reader, read_body
from jointtrack_server.rest_api.errors import add_error_handlers
from jointtrack_server.rest_api.observe import Observe
from jointtrack_server.rest_api.openapi import describe_request
from jointtrack_server.rest_api.parsing import parse
from jointtrack_server.rest_api.schema import DetectAnswer, ErrorAnswer, JsonObject, State

DETECT_PATHS = ("/jointtrack/v1/detect", "/detect")
HEALTH, READINESS, METRICS = "/healthz", "/readyz", "/metrics"
API_KEY_HEADER = "X-API-Key"

_REFUSALS = (400, 401, 413, 415, 422, 424, 500, 503)


@dataclass(frozen=True, slots=True)
class RestServices:
    """What the HTTP door needs; wired by ``app``. ``ready`` is false before and after serving."""

    pipeline: DetectPipeline
    runner: Runner
    engine: Engine
    keys: KeyStore | None
    metrics: Metrics
    ready: Callable[[], bool]
    version: str
    max_image_bytes: int
    max_people: int
    timeout_s: float


def create_rest_app(services: RestServices) -> FastAPI:
    """The ASGI application."""
    app = FastAPIOffline(
        title="JointTrack",
        version=services.version,
        description="Joint angles from a picture, in degrees.",
        redoc_url=None,
        redirect_slashes=False,
    )
    _add_detect(app, services)
    _add_state(app, services)
    app.add_middleware(
        Observe, metrics=services.metrics, paths=(*DETECT_PATHS, HEALTH, READINESS, METRICS)
    )
    add_error_handlers(app)
    return app


def _add_detect(app: FastAPI, services: RestServices) -> None:
    async def detect(request: Request) -> Response:
        return await _detect(services, request)

    header = APIKeyHeader(name=API_KEY_HEADER, auto_error=False)
    for path in DETECT_PATHS:
        app.add_api_route(
            path,
            detect,
            methods=["POST"],
            summary="Measure joint angles in a picture",
            response_model=DetectAnswer,
            responses={status: {"model": ErrorAnswer} for status in _REFUSALS},
            dependencies=[Security(header)] if services.keys else [],
            openapi_extra=describe_request(services.max_people),
            operation_id=path.strip("/").replace("/", "_"),
        )


def _add_state(app: FastAPI, services: RestServices) -> None:
    @app.get(HEALTH, summary="The server is alive", response_model=State)
    async def healthz() -> JsonObject:
        return {"status": "ok"}

    @app.get(
        READINESS,
        summary="The models are loaded and requests are taken",
        response_model=State,
        responses={503: {"model": ErrorAnswer}},
    )
    async def readyz() -> JsonObject:
        _check_ready(services)
        return {"status": "ok"}

    @app.get(METRICS, summary="Prometheus metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(services.metrics.exposition(), media_type=CONTENT_TYPE)


async def _detect(services: RestServices, request: Request) -> Response:
    """Bodies and answers are megabytes of base64: they are read and written on the runner too."""
    if services.keys is not None:
        services.keys.check(request.headers.get(API_KEY_HEADER))
    _check_ready(services)
    read_fields = find_reader(request.headers.get("Content-Type", ""))
    body = await read_body(request, services.max_image_bytes)
    deadline_s = time.monotonic() + services.timeout_s
    asked, _ = await services.runner.run(
        lambda: parse(read_fields(body), services.max_people), deadline_s=deadline_s
    )
    detection = await services.pipeline.detect(asked.source, asked.options, deadline_s=deadline_s)
    if not detection.people:
        raise JointTrackError(
            Reason.PERSON_NOT_FOUND,
            "Nobody was found in the picture. Send one that shows the whole person, well lit.",
            field="image",
        )
    response, _ = await services.runner.run(
        lambda: JSONResponse(to_answer(detection, asked.options, services.engine, asked.include)),
        refuse_when_full=False,
    )
    return response


def _check_ready(services: RestServices) -> None:
    if not services.ready():
        raise JointTrackError(
            Reason.SERVER_DRAINING,
            "The server is starting or stopping. Try again in a second.",
            retry_after_s=OVERLOAD_RETRY_AFTER_S,
        )
