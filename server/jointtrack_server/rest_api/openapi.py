"""How OpenAPI describes the body of POST /detect, which is read by hand."""

from typing import Any

from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.rest_api.schema import INCLUDES, JsonObject


def _text(description: str, **more: Any) -> JsonObject:  # noqa: ANN401
    return {"type": "string", "description": description, **more}


_FILE: JsonObject = {"type": "string", "format": "binary"}
_MEASUREMENT = _text(
    "One or more names, comma-separated: " + ", ".join(MEASUREMENTS),
    examples=["shoulder_abduction"],
)
_MEASUREMENT_LIST: JsonObject = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "enum": list(MEASUREMENTS)},
}
_FLAG: JsonObject = {"type": "string", "enum": ["true", "false"], "default": "false"}

_FIELDS: JsonObject = {
    "image": _text("An http(s) URL, base64, or a data URI of a JPEG, PNG, WebP or BMP file."),
    "image_url": _text('The same as "image", for a URL. Send one of the three.'),
    "image_base64": _text('The same as "image", for base64 or a data URI.'),
    "measurement": _MEASUREMENT,
    "side": _text("The subject's side.", enum=["left", "right", "both"], default="both"),
    "model": _text("Default: movenet-thunder."),
    "version": _text("Of the model. Default: the latest."),
    "include": _text(f"More to answer, comma-separated: {', '.join(INCLUDES)}."),
    "facing": _text("The edge of the picture that the subject looks to.", enum=["left", "right"]),
    "mirrored": _FLAG | {"description": "The picture is a mirrored selfie."},
    "strict": _FLAG | {"description": "No value from a view that does not suit."},
}


def describe_request(max_people: int) -> JsonObject:
    """``openapi_extra`` of the route."""
    texts = _FIELDS | {"people": _people(max_people)}
    file = _FILE | {"description": "A JPEG, PNG, WebP or BMP file; or text, as in a form."}
    listed = {"anyOf": [_MEASUREMENT, _MEASUREMENT_LIST]}
    bodies = {
        "multipart/form-data": texts | {"image": file},
        "application/json": texts | {"measurement": listed},
        "application/x-www-form-urlencoded": texts,
    }
    return {
        "requestBody": {
            "required": True,
            "content": {
                media_type: {
                    "schema": {
                        "type": "object",
                        "properties": properties,
                        "required": ["measurement"],
                    }
                }
                for media_type, properties in bodies.items()
            },
        },
    }


def _people(max_people: int) -> JsonObject:
    counts = [str(count) for count in range(1, max_people + 1)]
    return _text("Most people to measure.", enum=counts, default="1")
