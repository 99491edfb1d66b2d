"""The page to try it: static files, and what the server tells them of itself."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from jointtrack.cli.words import REASONS, WARNINGS
from jointtrack_server.imaging import palette
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.rest_api.schema import JsonObject
from jointtrack_server.rest_api.services import RestServices

PAGE = "/"
_FILES = Path(__file__).parents[1] / "page"
_SAMPLE = Path(__file__).parents[1] / "samples" / "arms_out_front.jpg"
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; media-src blob:; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_page(app: Starlette, services: RestServices) -> None:
    """Adds the page at / and its files under /page/."""

    async def info(_: Request) -> Response:
        return JSONResponse(_info(services), headers=_HEADERS)

    async def index(_: Request) -> Response:
        return FileResponse(_FILES / "index.html", headers=_HEADERS)

    async def sample(_: Request) -> Response:
        return FileResponse(_SAMPLE, headers=_HEADERS)

    app.add_route(PAGE, index, methods=["GET"], include_in_schema=False)
    app.add_route("/page/info.json", info, methods=["GET"], include_in_schema=False)

    async def colours(_: Request) -> Response:
        return Response(_colours(), media_type="text/css", headers=_HEADERS)

    app.add_route("/page/colours.css", colours, methods=["GET"], include_in_schema=False)
    app.add_route("/page/sample.jpg", sample, methods=["GET"], include_in_schema=False)
    app.mount("/page", _Files(directory=_FILES))


class _Files(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(_HEADERS)
        return response


def _info(services: RestServices) -> JsonObject:
    return {
        "version": services.version,
        "asksForKeys": services.asks_for_keys,
        "maxImageBytes": services.limits.max_image_bytes,
        "words": {"reasons": REASONS, "warnings": WARNINGS},
        "measurements": [
            {
                "name": spec.name,
                "title": spec.title,
                "bodyPart": spec.body_part,
                "kind": spec.kind.value,
                "views": [view.value for view in spec.views],
                "zero": spec.zero,
                "positive": spec.positive,
                "normal": {
                    "min": spec.normal.min_deg,
                    "max": spec.normal.max_deg,
                    "source": spec.normal.source,
                },
            }
            for spec in MEASUREMENTS.values()
        ],
    }


def _colours() -> str:
    """The sides' colours, the same as in plots and videos."""
    light, dark = (
        "".join(f"--{side.value}: {palette.to_hex(colour)};" for side, colour in colours.items())
        for colours in (palette.SIDES_ON_WHITE, palette.SIDES_ON_DARK)
    )
    return f":root {{{light}}} @media (prefers-color-scheme: dark) {{:root {{{dark}}}}}"
