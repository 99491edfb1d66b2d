"""Domain errors to the documented error body."""

import math

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.pipeline.runner import OVERLOAD_RETRY_AFTER_S
from jointtrack_server.rest_api.schema import JsonObject

_FIELD_NAMES = {"options.model": "model", "options.model_version": "version"}
"""Fields named by the catalogue in the contract's words, in the REST API's words."""


def add_error_handlers(app: FastAPI) -> None:
    """Every refusal, ours or the framework's, gets the documented body."""
    app.add_exception_handler(JointTrackError, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, JointTrackError)
    return refuse(request, error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers, path = error.headers or {}, request.url.path
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
    """The documented error body, with the request's id. Counts the request under the reason."""
    request.state.observed.code = error.reason.value
    codes = ERROR_CODES[error.reason]
    body: JsonObject = {"code": codes.rest, "message": error.message}
    if error.field is not None:
        body["field"] = _FIELD_NAMES.get(error.field, error.field)
    body["requestId"] = request.state.request_id
    headers = {}
    if codes.http == 503:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s or OVERLOAD_RETRY_AFTER_S))
    return JSONResponse({"status": "error", "error": body}, codes.http, headers)
