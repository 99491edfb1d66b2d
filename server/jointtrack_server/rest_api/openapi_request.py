"""How OpenAPI describes the body of POST /detect, which is read by hand."""

from collections.abc import Mapping
from typing import Any

from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.rest_api.schema import INCLUDES, JsonObject

MULTIPART, JSON, FORM = (
    "multipart/form-data",
    "application/json",
    "application/x-www-form-urlencoded",
)
SCHEMAS: Mapping[str, str] = {
    MULTIPART: "DetectMultipart",
    JSON: "DetectJson",
    FORM: "DetectForm",
}
"""Media types of the body, and the names of their schemas."""

EXAMPLE_URL = "https://pictures.example.com/arms_out_front.jpg"


def _text(description: str, **more: Any) -> JsonObject:  # noqa: ANN401
    return {"type": "string", "description": description, **more}


def _ref(schema: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{schema}"}


def _flag(description: str) -> JsonObject:
    return {
        "description": f"{description} Default: false.",
        "anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 0, "maximum": 1}],
        "examples": [False],
    }


def _list_of(schema: str, description: str, **more: Any) -> JsonObject:  # noqa: ANN401
    return {"type": "array", "items": _ref(schema), "description": description, **more}


def _or(schema: JsonObject, *others: JsonObject) -> JsonObject:
    """What is of either schema; the first one's description and examples are those of all."""
    described = {name: schema[name] for name in ("description", "examples") if name in schema}
    own = {name: value for name, value in schema.items() if name not in described}
    return described | {"anyOf": [*own.get("anyOf", [own]), *others]}


def _matching(pattern: str) -> JsonObject:
    return {"type": "string", "pattern": pattern}


def _or_empty(description: str, pattern: str) -> JsonObject:
    """An optional text; empty, it counts as not sent."""
    return _text(description, pattern=f"^({pattern})?$", examples=[""])


# Defaults stand in the text: of a "default", generators make a field that must be sent. The page
# /docs begins with the first of a field's examples, or makes a value up.
_NAMES = "[a-z_]+(,[a-z_]+)*"
_IMAGE = "a JPEG, PNG, WebP or BMP picture"
_MEASUREMENT = _list_of(
    "MeasurementName", "One or more; in one field with commas between them, too.", minItems=1
)
_INCLUDE = _list_of(
    "Include", "More to answer; in one field with commas between them, too.", examples=[[]]
)

_FIELDS: JsonObject = {
    "image": _text(f"An http(s) URL, base64, or a data URI of {_IMAGE}."),
    "image_url": _or_empty('The same as "image", for a URL. Send one of the three.', "https?://.+"),
    "image_base64": _or_empty('The same as "image", for base64 or a data URI.', ".+"),
    "measurement": _MEASUREMENT,
    "side": _ref("Side")
    | {"description": "The subject's side. Default: both.", "examples": ["both"]},
    "model": _text("Default: movenet-thunder.", examples=["movenet-thunder"]),
    "version": _text("Of the model. Default: the latest.", examples=["4"]),
    "include": _INCLUDE,
    "facing": {
        "description": "The edge of the picture that the subject looks to; empty: not known.",
        "anyOf": [_ref("Facing"), {"const": "", "type": "string"}],
        "examples": [""],
    },
    "mirrored": _flag("The picture is a mirrored selfie."),
    "strict": _flag("No value from a view that does not suit."),
}


def request_schemas(max_people: int) -> dict[str, JsonObject]:
    """Those of ``SCHEMAS``, and of the names in them; "Facing" is that of the answers."""
    people: JsonObject = {
        "type": "integer",
        "minimum": 1,
        "maximum": max_people,
        "description": "Most people to measure. Default: 1.",
        "examples": [1],
    }
    fields = _FIELDS | {"people": people}
    file = {"type": "string", "format": "binary", "description": f"A file: {_IMAGE}."}
    also_text = {
        "include": _matching(f"^({_NAMES})?$"),
        "mirrored": _matching("^(true|false|1|0)?$"),
        "strict": _matching("^(true|false|1|0)?$"),
        "people": _matching(f"^[1-{max_people}]?$"),
    }
    in_json = {
        name: _or(field, *filter(None, [also_text.get(name)]), {"type": "null"})
        for name, field in fields.items()
    }
    in_json["measurement"] = _or(_MEASUREMENT, _matching(f"^{_NAMES}$"))
    bodies = {MULTIPART: fields | {"image": file}, JSON: in_json, FORM: fields}
    return {
        "MeasurementName": {"type": "string", "enum": list(MEASUREMENTS)},
        "Include": {"type": "string", "enum": list(INCLUDES)},
        "Side": {"type": "string", "enum": ["left", "right", "both"]},
    } | {
        SCHEMAS[media_type]: {
            "type": "object",
            "description": f"What to measure in which picture, as {media_type}. Send one of "
            '"image", "image_url" and "image_base64".',
            "properties": properties,
            "required": ["measurement"],
        }
        for media_type, properties in bodies.items()
    }


def request_body(picture_base64: str) -> JsonObject:
    """Of all media types, with examples that are answered; all but the URL's as they stand."""
    one = {"image": picture_base64, "measurement": ["shoulder_abduction"], "side": "both"}
    details: JsonObject = {
        "image_base64": picture_base64,
        "measurement": "shoulder_abduction,splits",
        "include": ["details", "keypoints"],
    }
    url = {"image_url": EXAMPLE_URL, "measurement": "shoulder_abduction", "people": 2}
    examples: dict[str, dict[str, tuple[str, JsonObject]]] = {
        MULTIPART: {"picture": ("A picture file and one measurement", one)},
        JSON: {
            "picture": ("A picture as base64 and one measurement", one),
            "details": ("Two measurements with details and keypoints", details),
            "url": ("A picture by URL, of two people at most", url),
        },
        FORM: {"picture": ("A picture as base64 and one measurement", one)},
    }
    return {
        "required": True,
        "content": {
            media_type: {
                "schema": _ref(schema),
                "examples": {
                    name: {"summary": summary, "value": value}
                    for name, (summary, value) in examples[media_type].items()
                },
            }
            for media_type, schema in SCHEMAS.items()
        },
    }
