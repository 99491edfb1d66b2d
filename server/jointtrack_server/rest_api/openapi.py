"""The OpenAPI 3.1 document: what the HTTP door takes and gives, with examples that are real.

``examples.json`` holds what a server answered (tests/support/rest_examples.py).
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.rest_api.openapi_request import request_body, request_schemas
from jointtrack_server.rest_api.schema import DetectAnswer, ErrorAnswer, JsonObject, State

DETECT_PATHS = ("/jointtrack/v1/detect", "/detect")
HEALTH, READINESS, METRICS = "/healthz", "/readyz", "/metrics"
API_KEY_HEADER = "X-API-Key"

_ANY_STATUSES = (400, 408, 431, 503)
"""Of every path: the head of the request may be at fault, or come when there is no room."""
_DETECT_STATUSES = (400, 401, 402, 403, 408, 413, 415, 422, 424, 429, 431, 500, 503)
_KEY_STATUSES = (401, 402, 403)
_RETRY_STATUSES = (429, 503)
"""Those that say when to try again."""
_MEANINGS = {
    400: "The request cannot be read, or a field is missing or wrong.",
    401: "No API key, or one that is not valid.",
    402: "The month's pictures of the key's plan are used.",
    403: "The key is for something else.",
    408: "The request did not arrive in time.",
    413: "The picture has too many bytes or pixels.",
    415: "The body or the picture is of a type that is not read.",
    422: "Nobody was found in the picture.",
    424: "The picture at the URL could not be fetched, or may not be.",
    429: "More requests in a minute than the key's plan allows.",
    431: "The head of the request is too large.",
    500: "The server failed; its log has the request id.",
    503: "The server is busy, starts or stops, or cannot ask its key store.",
}

_DETECT = """\
Measures joint angles of the most prominent person in one picture, in whole degrees, and draws \
each of them into a picture of its own. A value is `null` where its side was not asked for or \
cannot be measured. Only a 200 counts towards the month's pictures.

Pictures in the examples of answers are cut short."""


class _AnswerSchema(GenerateJsonSchema):
    """Without titles, which repeat the names, and without defaults: what is not there is absent."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


@cache
def _examples() -> JsonObject:
    text = files(__package__).joinpath("examples.json").read_text("utf-8")
    examples: JsonObject = json.loads(text)
    return examples


def describe(
    version: str, *, asks_for_keys: bool = True, has_metrics: bool = True, max_people: int
) -> JsonObject:
    """The document of a server; ``has_metrics`` where /metrics has no port of its own."""
    statuses: tuple[int, ...] = _DETECT_STATUSES
    components: JsonObject = {
        "schemas": _schemas(max_people),
        "parameters": _PARAMETERS,
        "headers": _HEADERS,
        "requestBodies": {"Detect": request_body(_examples()["picture"])},
        "responses": _responses(),
    }
    security: list[JsonObject] = []
    if asks_for_keys:
        scheme = {"type": "apiKey", "in": "header", "name": API_KEY_HEADER}
        components["securitySchemes"] = {
            "ApiKey": scheme | {"description": "A key that the server's operator made."}
        }
        security = [{"ApiKey": []}]
    else:
        statuses = tuple(status for status in statuses if status not in _KEY_STATUSES)
    paths = _paths(statuses, security)
    if not has_metrics:
        del paths[METRICS], components["responses"]["Metrics"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "JointTrack",
            "version": version,
            "summary": "Joint angles from a picture, in degrees.",
            "description": "Finds people with Google's MoveNet and measures their joint angles.",
            "contact": {"name": "The operator of this server"},
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "externalDocs": {
            "description": "MoveNet Thunder, the model that finds the keypoints",
            "url": "https://tfhub.dev/google/movenet/singlepose/thunder/4",
        },
        "servers": [{"url": "/", "description": "The server that this document is from"}],
        "tags": [
            {"name": "Detection", "description": "Joint angles from a picture."},
            {"name": "Operation", "description": "What monitoring asks. Needs no key."},
        ],
        "paths": paths,
        "components": components,
    }


def _schemas(max_people: int) -> JsonObject:
    models: list[type[BaseModel]] = [DetectAnswer, ErrorAnswer, State]
    _, answers = models_json_schema(
        [(model, "serialization") for model in models],
        ref_template="#/components/schemas/{model}",
        schema_generator=_AnswerSchema,
    )
    return {**request_schemas(max_people), **answers["$defs"]}


def _paths(statuses: tuple[int, ...], security: list[JsonObject]) -> JsonObject:
    refusals = {str(status): _ref("responses", f"Error{status}") for status in statuses}
    detect = {
        "tags": ["Detection"],
        "summary": "Measure joint angles in a picture",
        "description": _DETECT,
        "security": security,
        "parameters": [_ref("parameters", "RequestId")],
        "requestBody": _ref("requestBodies", "Detect"),
        "responses": {"200": _ref("responses", "Detected")} | refusals,
    }
    return {
        DETECT_PATHS[0]: {"post": {"operationId": "detect", **detect}},
        DETECT_PATHS[1]: {
            "post": {
                "operationId": "detect_short",
                **detect,
                "summary": "The same, at a shorter path",
            }
        },
        HEALTH: _asked(
            "health", "The server is alive", "Answers as long as the process does.", "Fine"
        ),
        READINESS: _asked(
            "readiness",
            "The server takes requests",
            "503 while it starts or stops, and its models are not loaded.",
            "Fine",
        ),
        METRICS: _asked("metrics", "Prometheus metrics", "In Prometheus' text format.", "Metrics"),
    }


def _asked(operation_id: str, summary: str, description: str, answer: str) -> JsonObject:
    return {
        "get": {
            "operationId": operation_id,
            "tags": ["Operation"],
            "summary": summary,
            "description": description,
            "security": [],
            "responses": {
                "200": _ref("responses", answer),
                **{str(status): _ref("responses", f"Error{status}") for status in _ANY_STATUSES},
            },
        }
    }


def _ref(kind: str, name: str) -> JsonObject:
    return {"$ref": f"#/components/{kind}/{name}"}


_PARAMETERS: JsonObject = {
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "The caller's own name for the request: up to 64 letters, digits, `.`, `_` "
        "and `-`. Without one, or with any other, the server makes it.",
        "required": False,
        "schema": {"type": "string"},
    }
}
_HEADERS: JsonObject = {
    "RequestId": {
        "description": "Finds the request in the server's log; the caller's own, if one was sent.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"},
        "example": "9f86d081884c7d65",
    },
    "RetryAfter": {
        "description": "Seconds to wait before trying again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "example": 1,
    },
}


def _responses() -> JsonObject:
    answers = {name: {"value": value} for name, value in _examples()["answers"].items()}
    text = {"schema": {"type": "string"}, "example": _METRICS_EXAMPLE}
    return {
        "Detected": _response("What was measured.", _json("DetectAnswer", answers)),
        "Fine": _response("Yes.", _json("State", {"ok": {"value": {"status": "ok"}}})),
        "Metrics": _response("The metrics.", {"text/plain": text}),
        **{f"Error{status}": _error(status) for status in _MEANINGS},
    }


_METRICS_EXAMPLE = """\
# HELP jointtrack_requests_total Requests answered, by door, method and code.
# TYPE jointtrack_requests_total counter
jointtrack_requests_total{code="OK",door="http",method="/jointtrack/v1/detect"} 1.0
"""


def _error(status: int) -> JsonObject:
    codes = dict.fromkeys(codes.rest for codes in ERROR_CODES.values() if codes.http == status)
    refusals = _examples()["refusals"]
    examples = {code: {"value": refusals[code]} for code in codes}
    response = _response(_MEANINGS[status], _json("ErrorAnswer", examples))
    if status in _RETRY_STATUSES:
        response["headers"]["Retry-After"] = _ref("headers", "RetryAfter")
    return response


def _response(description: str, content: JsonObject) -> JsonObject:
    headers = {"X-Request-Id": _ref("headers", "RequestId")}
    return {"description": description, "headers": headers, "content": content}


def _json(schema: str, examples: JsonObject) -> JsonObject:
    return {"application/json": {"schema": _ref("schemas", schema), "examples": examples}}
