"""The HTTP application: the documented POST /detect, health, metrics and its own description."""

import time

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jointtrack_server.access.caller import Scope
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.observability.exposition import CONTENT_TYPE, Exposition
from jointtrack_server.observability.facts import facts_of
from jointtrack_server.pipeline.retry_after import SOON_S
from jointtrack_server.pipeline.stages import Stage
from jointtrack_server.rest_api.answer import to_answer
from jointtrack_server.rest_api.body import Reader, check_coding, find_reader, receive_body
from jointtrack_server.rest_api.compression import compress
from jointtrack_server.rest_api.connection import CloseUnread, while_connected
from jointtrack_server.rest_api.docs_page import add_docs
from jointtrack_server.rest_api.entry import enter
from jointtrack_server.rest_api.errors import NO_STORE, add_error_handlers
from jointtrack_server.rest_api.live import add_live
from jointtrack_server.rest_api.observe import Observe
from jointtrack_server.rest_api.openapi import (
    API_KEY_HEADER,
    DETECT_PATHS,
    HEALTH,
    METRICS,
    READINESS,
    describe,
)
from jointtrack_server.rest_api.page import PAGE, add_page
from jointtrack_server.rest_api.parsing import DetectRequest, parse
from jointtrack_server.rest_api.services import RestServices


def create_rest_app(services: RestServices) -> Starlette:
    """The ASGI application."""
    app = Starlette()
    app.router.redirect_slashes = False
    app.state.services = services
    for path in DETECT_PATHS:
        app.add_route(path, _detect, methods=["POST"])
    app.add_route(HEALTH, _healthz)
    app.add_route(READINESS, _readyz)
    if services.exposition is not None:
        _add_metrics(app, services.exposition)
    if services.docs:
        document = describe(
            services.version,
            asks_for_keys=services.asks_for_keys,
            has_metrics=services.exposition is not None,
            max_people=services.max_people,
        )
        add_docs(app, document, gzip=services.gzip)
    if services.page:
        add_live(app, services)
        add_page(app, services)
    app.add_middleware(
        Observe,
        observer=services.observer,
        paths=(*DETECT_PATHS, HEALTH, READINESS, METRICS, PAGE),
        unlogged=(HEALTH, READINESS, METRICS),
    )
    app.add_middleware(CloseUnread)
    if services.cross_origin:
        app.add_middleware(CORSMiddleware, **services.cross_origin.options)
    add_error_handlers(app)
    return app


def create_metrics_app(exposition: Exposition) -> Starlette:
    """The ASGI application of a port that has nothing but /metrics."""
    app = Starlette()
    _add_metrics(app, exposition)
    return app


def _add_metrics(app: Starlette, exposition: Exposition) -> None:
    app.state.exposition = exposition
    app.add_route(METRICS, _metrics)


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=NO_STORE)


async def _readyz(request: Request) -> Response:
    _check_ready(_services(request))
    return JSONResponse({"status": "ok"}, headers=NO_STORE)


async def _metrics(request: Request) -> Response:
    text = await request.app.state.exposition.text()
    return Response(text, media_type=CONTENT_TYPE, headers=NO_STORE)


def _services(request: Request) -> RestServices:
    """What ``create_rest_app`` was given."""
    services: RestServices = request.app.state.services
    return services


async def _detect(request: Request) -> Response:
    """Nothing of the body is read for somebody who may not come in, or when there is no room."""
    services = _services(request)
    _check_ready(services)
    observed, key = request.state.observed, request.headers.get(API_KEY_HEADER)
    caller = await enter(services.gate, request, observed, key, Scope.DETECT)
    services.runner.refuse_if_full()
    check_coding(request.headers.get("Content-Encoding", ""))
    read_fields = find_reader(request.headers.get("Content-Type", ""), services.limits)
    with services.uploads.open(caller.key_id) as upload:
        with Stage("receive"):
            max_bytes = services.limits.max_bytes
            body = await receive_body(request, upload, max_bytes, services.timeout_s)
        response = await while_connected(request, _answer(request, read_fields, body))
    await services.gate.charge(caller)
    return response


async def _answer(request: Request, read_fields: Reader, body: bytes) -> Response:
    """Bodies and answers are megabytes of base64: they are read and written on the runner too."""
    services = _services(request)
    deadline_s = time.monotonic() + services.timeout_s

    def read() -> DetectRequest:
        with Stage("parse"):
            return parse(read_fields(body), services.max_people)

    asked, _ = await services.runner.run(read, deadline_s=deadline_s)
    detection = await services.pipeline.detect(asked.source, asked.options, deadline_s=deadline_s)
    services.observer.metrics.pictures.count(detection)
    request.state.observed.facts |= facts_of(asked.options, detection)
    if not detection.people:
        raise JointTrackError(
            Reason.PERSON_NOT_FOUND,
            "Nobody was found in the picture. Send one that shows the whole person, well lit.",
            field="image",
        )

    def write() -> Response:
        with Stage("encode"):
            answer = to_answer(detection, asked.options, services.engine, asked.include)
            response = JSONResponse(answer, headers=NO_STORE)
            if services.gzip:
                compress(response, request.headers.get("Accept-Encoding", ""))
            return response

    response, _ = await services.runner.run(write, refuse_when_full=False)
    return response


def _check_ready(services: RestServices) -> None:
    if not services.ready():
        raise JointTrackError(
            Reason.SERVER_DRAINING,
            "The server is starting or stopping. Try again in a second.",
            retry_after_s=SOON_S,
        )
