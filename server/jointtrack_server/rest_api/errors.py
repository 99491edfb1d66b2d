"""Domain errors to the documented error body."""

import math

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.pipeline.retry_after import SOON_S
from jointtrack_server.rest_api.schema import JsonObject

_FIELD_NAMES = {"options.model": "model", "options.model_version": "version"}
"""Fields named by the catalogue in the contract's words, in the REST API's words."""

NO_STORE = {"Cache-Control": "no-store"}
"""Answers hold health data, and refusals are of the moment: no cache keeps them."""


def add_error_handlers(app: Starlette) -> None:
    """Every refusal, ours or the framework's, gets the documented body."""
    app.add_exception_handler(JointTrackError, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, JointTrackError)
    return refuse(request, error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers, path = dict(error.headers or {}), request.url.path
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    refusals = {
        404: (Reason.NOT_FOUND, f"There is nothing at {path}. POST to /jointtrack/v1/detect."),
        405: (
            Reason.METHOD_NOT_ALLOWED,
            f"{request.method} is not allowed at {path}. Send {headers.get('Allow', 'GET')}.",
        ),
    }
    reason, message = refusals.get(error.status_code, (Reason.INVALID_REQUEST, error.detail))
    response = refuse(request, JointTrackError(reason, message))
    response.headers.update(headers)
    return response


def refuse(request: Request, error: JointTrackError) -> Response:
    """The answer to a refused request, which is counted under the reason."""
    request.state.observed.code = error.reason.value
    return refusal(error, request.state.observed.id)


def refusal(error: JointTrackError, request_id: str) -> Response:
    """The documented error body, with the status and headers of its reason."""
    codes = ERROR_CODES[error.reason]
    headers = dict(NO_STORE)
    retry_after_s = error.retry_after_s
    if retry_after_s is None and codes.http in {429, 503}:
        retry_after_s = SOON_S
    if retry_after_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    body = {"status": "error", "error": error_object(error, request_id)}
    return JSONResponse(body, codes.http, headers)


def error_object(error: JointTrackError, request_id: str) -> JsonObject:
    """The documented description of an error."""
    described: JsonObject = {"code": ERROR_CODES[error.reason].rest, "message": error.message}
    if error.field is not None:
        described["field"] = _FIELD_NAMES.get(error.field, error.field)
    return described | {"requestId": request_id}


def internal_error() -> JointTrackError:
    """What callers are told of a failure of ours."""
    return JointTrackError(
        Reason.INTERNAL, "The server failed. Report the request id to its operator."
    )
