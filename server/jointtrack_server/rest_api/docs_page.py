"""The OpenAPI document, and the page /docs, Swagger UI, which loads nothing from elsewhere."""

import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from jointtrack_server.rest_api.compression import compress
from jointtrack_server.rest_api.schema import JsonObject

_OPENAPI, _PAGE, _FILES = "/openapi.json", "/docs", "/docs-files"


def add_docs(app: Starlette, document: JsonObject, *, gzip: bool) -> None:
    text = json.dumps(document, ensure_ascii=False).encode()

    async def openapi(request: Request) -> Response:
        response = Response(text, media_type="application/json")
        if gzip:
            compress(response, request.headers.get("Accept-Encoding", ""))
        return response

    def page(request: Request) -> Response:  # on a thread: FastAPI is slow to import
        from fastapi.openapi.docs import get_swagger_ui_html  # noqa: PLC0415

        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=root + _OPENAPI,
            title="JointTrack",
            swagger_js_url=f"{root}{_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_FILES}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_FILES}/favicon.png",
        )

    app.add_route(_OPENAPI, openapi)
    app.add_route(_PAGE, page)
    app.mount(_FILES, StaticFiles(packages=[("fastapi_offline", "static")]))
