"""The HTTP application: the documented POST /detect, health, metrics and its own description."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline

from jointtrack_server.access.keys import KeyStore
from jointtrack_server.engines.base import Engine
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.observability.metrics import CONTENT_TYPE, Metrics
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.rest_api.body import read_fields
from jointtrack_server.rest_api.errors import add_error_handlers, refuse
from jointtrack_server.rest_api.openapi import DETECT_REQUEST
from jointtrack_server.rest_api.parsing import parse
from jointtrack_server.rest_api.schema import DetectAnswer, ErrorAnswer, JsonObject, to_answer

_LOG = logging.getLogger(__name__)

DETECT_PATHS = ("/jointtrack/v1/detect", "/detect")
REQUEST_ID_HEADER = "X-Request-Id"


@dataclass(frozen=True, slots=True)
class RestServices:
    """What the HTTP door needs; wired by ``app``. ``ready`` is false before and after serving."""

    pipeline: DetectPipeline
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
    )

    async def detect(request: Request) -> Response:
        return JSONResponse(await _detect(services, request))

    for path in DETECT_PATHS:
        app.add_api_route(
            path,
            detect,
            methods=["POST"],
            summary="Measure joint angles in a picture",
            response_model=DetectAnswer,
            responses={
                code: {"model": ErrorAnswer} for code in (400, 401, 413, 415, 422, 424, 500, 503)
            },
            openapi_extra=DETECT_REQUEST,
            operation_id=path.strip("/").replace("/", "_"),
        )

    @app.get("/healthz", summary="The server is alive")
    async def healthz() -> JsonObject:
        return {"status": "ok"}

    @app.get("/readyz", summary="The models are loaded and requests are taken")
    async def readyz() -> JsonObject:
        if not services.ready():
            raise _draining()
        return {"status": "ok"}

    @app.get("/metrics", summary="Prometheus metrics")
    async def metrics() -> Response:
        return Response(services.metrics.exposition(), media_type=CONTENT_TYPE)

    app.middleware("http")(_observed(services.metrics))
    add_error_handlers(app)
    return app


async def _detect(services: RestServices, request: Request) -> JsonObject:
    if services.keys is not None:
        services.keys.check(request.headers.get("x-api-key"))
    if not services.ready():
        raise _draining()
    fields = await read_fields(request, services.max_image_bytes)
    asked = parse(fields, services.max_people)
    detection = await services.pipeline.detect(
        asked.source, asked.options, deadline_s=time.monotonic() + services.timeout_s
    )
    if not detection.people:
        raise JointTrackError(
            Reason.PERSON_NOT_FOUND,
            "Nobody was found in the picture. Send one that shows the whole person, well lit.",
            field="image",
        )
    return to_answer(detection, asked.options, services.engine, asked.include)


def _draining() -> JointTrackError:
    return JointTrackError(
        Reason.SERVER_DRAINING,
        "The server is starting or stopping. Try again in a second.",
        retry_after_s=1.0,
    )


def _observed(
    metrics: Metrics,
) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    """Gives every request an id, counts it, and answers what nobody expected with 500."""

    async def observe(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        request.state.request_id = secrets.token_hex(8)
        with metrics.request("http", _route_name(request)) as observed:
            try:
                response = await call_next(request)
            except Exception:
                _LOG.exception("request id %s failed", request.state.request_id)
                response = refuse(
                    request,
                    JointTrackError(
                        Reason.INTERNAL,
                        "The server failed. Report the request id to its operator.",
                    ),
                )
            observed.code = str(response.status_code)
        response.headers[REQUEST_ID_HEADER] = request.state.request_id
        return response

    return observe


def _route_name(request: Request) -> str:
    """A bounded set of names: whatever else is asked for is "other"."""
    path = request.url.path
    return path if path in {*DETECT_PATHS, "/healthz", "/readyz", "/metrics"} else "other"
