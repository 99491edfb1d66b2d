"""How OpenAPI describes the body of POST /detect, which is read by hand."""

from typing import Any

from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.rest_api.schema import INCLUDES, JsonObject


def _text(description: str, **more: Any) -> JsonObject:  # noqa: ANN401
    return {"type": "string", "description": description, **more}


_FIELDS: JsonObject = {
    "measurement": _text(
        "One or more names, comma-separated: " + ", ".join(MEASUREMENTS),
        examples=["shoulder_abduction"],
    ),
    "side": _text("The subject's side.", enum=["left", "right", "both"], default="both"),
    "model": _text("Default: movenet-thunder."),
    "version": _text("Default: the latest."),
    "include": _text(f"More to answer, comma-separated: {', '.join(INCLUDES)}."),
    "facing": _text("Where the subject looks, if known.", enum=["left", "right"]),
    "mirrored": _text("A mirrored selfie.", enum=["true", "false"], default="false"),
    "strict": _text("No value from a wrong view.", enum=["true", "false"], default="false"),
    "people": _text("Most people to measure, 1 to 6.", default="1"),
}
_FILE = {"type": "string", "format": "binary", "description": "A JPEG, PNG, WebP or BMP file."}
_TEXT_IMAGE = _text("An http(s) URL, base64, or a data URI of a picture file.")


def _body(image: JsonObject) -> JsonObject:
    properties = {"image": image, **_FIELDS}
    required = ["image", "measurement"]
    return {"schema": {"type": "object", "properties": properties, "required": required}}


DETECT_REQUEST: JsonObject = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": _body(_FILE),
            "application/json": _body(_TEXT_IMAGE),
            "application/x-www-form-urlencoded": _body(_TEXT_IMAGE),
        },
    },
    "parameters": [
        {"name": "X-API-Key", "in": "header", "required": False, "schema": {"type": "string"}}
    ],
}
