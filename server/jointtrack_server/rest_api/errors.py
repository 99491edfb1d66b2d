"""Domain errors to the documented error body."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.rest_api.schema import JsonObject


def add_error_handlers(app: FastAPI) -> None:
    """Every refusal, ours or the framework's, gets the documented body."""
    app.add_exception_handler(JointTrackError, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, JointTrackError)
    return refuse(request, error)


_HTTP_REASONS = {
    404: (Reason.NOT_FOUND, "There is nothing at {path}. POST to /jointtrack/v1/detect."),
    405: (Reason.METHOD_NOT_ALLOWED, "{method} is not allowed at {path}. See /docs."),
}


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason, text = _HTTP_REASONS.get(error.status_code, (Reason.INVALID_REQUEST, error.detail))
    message = text.format(path=request.url.path, method=request.method)
    response = refuse(request, JointTrackError(reason, message))
    response.headers.update(error.headers or {})
    return response


def refuse(request: Request, error: JointTrackError) -> Response:
    """The documented error body, with the request's id."""
    codes = ERROR_CODES[error.reason]
    body: JsonObject = {"code": codes.rest, "message": error.message}
    if error.field is not None:
        body["field"] = _FIELD_NAMES.get(error.field, error.field)
    body["requestId"] = request.state.request_id
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = f"{error.retry_after_s:.0f}"
    return JSONResponse({"status": "error", "error": body}, codes.http, headers)


_FIELD_NAMES = {"options.model": "model", "options.model_version": "version"}
"""Fields named by the catalogue in the contract's words, in the REST API's words."""
