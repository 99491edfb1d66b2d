"""The OpenAPI document: valid, complete, and its examples are what the server takes and gives."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.rest_api.openapi_request import FORM, JSON, MULTIPART
from tests.support.http import DOCUMENTED_PATH, Door
from tests.support.rest_examples import (
    EXAMPLES,
    ExampleServer,
    answers,
    example_server,
    refusals,
)

ROOT = Path(__file__).parents[2]
WRITTEN: Any = json.loads(EXAMPLES.read_text("utf-8"))
FIELDS = {
    *("image", "image_url", "image_base64", "measurement", "side", "model", "version"),
    *("include", "facing", "mirrored", "strict", "people"),
}


@pytest.fixture(scope="module")
def document(server: Any) -> Any:
    return Door(server).get("/openapi.json").json()


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleServer]:
    with example_server(WRITTEN["picture"], tmp_path_factory.mktemp("examples")) as server:
        yield server


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document that is no example."""
    if isinstance(node, dict):
        yield node
        for name, value in node.items():
            if name not in {"example", "examples"}:
                yield from nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value)


def operations(document: Any) -> list[dict[str, Any]]:
    return [one for path in document["paths"].values() for one in path.values()]


def resolved(document: Any, node: Any) -> Any:
    while "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def validator(document: Any, schema: Any) -> Validator:
    """Of a schema whose references lead into the document."""
    resource = DRAFT202012.create_resource(document)
    registry: Any = Registry().with_resource("urn:document", resource)
    text = json.dumps(schema).replace('"#/', '"urn:document#/')
    return Draft202012Validator(
        json.loads(text),
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def test_the_document_is_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document, cls=OpenAPIV31SpecValidator)


def test_it_is_the_file_that_teams_generate_from(document: Any) -> None:
    written = json.loads((ROOT / "docs/openapi.json").read_text("utf-8"))
    assert document == written, "run 'make docs'"


def test_every_operation_is_described(document: Any) -> None:
    found = operations(document)
    assert len(found) == 5
    assert len({one["operationId"] for one in found}) == len(found)
    tags = {tag["name"] for tag in document["tags"]}
    for one in found:
        assert one["summary"]
        assert one["description"]
        assert tags.issuperset(one["tags"])
        assert "security" in one
    assert {"contact", "license", "version"} < set(document["info"])
    assert document["servers"]
    assert document["externalDocs"]["url"]


def test_every_path_is_there(document: Any, door: Door) -> None:
    for path, methods in document["paths"].items():
        for method in methods:
            assert door.get(path, method.upper()).status_code not in {404, 405}


def test_every_example_fits_its_schema(document: Any) -> None:
    counted = 0
    for node in nodes(document):
        if "schema" in node:
            given = [one["value"] for one in node.get("examples", {}).values()]
            given += [node["example"]] if "example" in node else []
            check = validator(document, node["schema"])
        elif "type" in node:
            given, check = node.get("examples", []), validator(document, node)
        else:
            continue
        for example in given:
            check.validate(example)
        counted += len(given)
    assert counted > 30


def test_every_body_has_an_example(document: Any) -> None:
    bodies = [one["content"] for one in nodes(document) if "content" in one]
    assert len(bodies) == 17
    for content in bodies:
        for media_type in content.values():
            assert media_type.get("examples") or media_type.get("example")


def test_every_refusal_has_an_example_of_each_code(document: Any) -> None:
    responses = resolved(document, document["paths"][DOCUMENTED_PATH]["post"])["responses"]
    elsewhere = {404, 405, 409}  # of other paths and methods, and of gRPC's admin calls
    codes = {(codes.http, codes.rest) for codes in ERROR_CODES.values()}
    shown = set()
    for status, reference in responses.items():
        response = resolved(document, reference)
        retry = {"Retry-After"} if status in {"429", "503"} else set()
        assert set(response["headers"]) == {"X-Request-Id"} | retry
        if status != "200":
            for example in response["content"]["application/json"]["examples"].values():
                shown.add((int(status), example["value"]["error"]["code"]))
    assert shown == {one for one in codes if one[0] not in elsewhere}


def test_the_request(document: Any) -> None:
    body = resolved(document, document["paths"][DOCUMENTED_PATH]["post"]["requestBody"])
    assert set(body["content"]) == {MULTIPART, JSON, FORM}
    for media_type in body["content"].values():
        assert set(resolved(document, media_type["schema"])["properties"]) == FIELDS
    schemas = document["components"]["schemas"]
    assert schemas["DetectMultipart"]["properties"]["image"]["format"] == "binary"
    assert schemas["MeasurementName"]["enum"] == list(MEASUREMENTS)
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["in"], scheme["name"]) == ("header", "X-API-Key")


def _sent(media_type: str, fields: dict[str, Any]) -> dict[str, Any]:
    if media_type == JSON:
        return {"json": fields}
    if media_type == MULTIPART:
        return {"files": [(name, (None, value)) for name, value in _pairs(fields)]}
    return {"data": urlencode(_pairs(fields)), "headers": {"Content-Type": FORM}}


def _pairs(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """A list as a repeated field."""
    listed = {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    return [(name, value) for name, values in listed.items() for value in values]


def test_examples_of_requests_are_answered_as_described(
    document: Any, examples: ExampleServer
) -> None:
    operation = document["paths"][DOCUMENTED_PATH]["post"]
    body = resolved(document, operation["requestBody"])
    answer = resolved(document, operation["responses"]["200"])["content"]["application/json"]
    count = 0
    for media_type, described in body["content"].items():
        for example in described["examples"].values():
            fields = examples.reachable(example["value"])
            response = examples.door.post(**_sent(media_type, fields))
            assert response.status_code == 200, response.text
            validator(document, answer["schema"]).validate(response.json())
            count += 1
    assert count == 5


def test_examples_of_answers_are_what_the_server_gives(examples: ExampleServer) -> None:
    given = answers(examples, WRITTEN["picture"])
    assert _rounded(given) == _rounded(WRITTEN["answers"])


def _rounded(node: Any) -> Any:
    """What other CPUs compute too, give or take 5 degrees or pixels, or a third of a score."""
    if isinstance(node, dict):
        return {name: _rounded(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_rounded(value) for value in node]
    if isinstance(node, int | float):
        return pytest.approx(node, abs=5 if node > 1 else 0.3)
    return node


def test_examples_of_refusals_are_what_the_server_gives(
    document: Any, examples: ExampleServer
) -> None:
    given = refusals(examples, WRITTEN["picture"])
    check = validator(document, {"$ref": "#/components/schemas/ErrorAnswer"})
    for body in given.values():
        check.validate(body)
    assert _timeless(given) == _timeless(WRITTEN["refusals"])


def _timeless(document: Any) -> Any:
    """Without the numbers, the dates and the ids of keys."""
    return json.loads(re.sub(r"\b[0-9a-f]*\d[0-9a-f.]*", "0", json.dumps(document)))


def test_without_keys_and_metrics(open_door: Callable[..., Door]) -> None:
    document = open_door(auth=False).get("/openapi.json").json()
    assert "securitySchemes" not in document["components"]
    (post,) = document["paths"][DOCUMENTED_PATH].values()
    assert post["security"] == []
    assert not {"401", "402", "403"} & set(post["responses"])
    validate(document, cls=OpenAPIV31SpecValidator)


def test_without_docs(open_door: Callable[..., Door]) -> None:
    door = open_door(docs=False)
    for path in ("/openapi.json", "/docs", "/docs-files/swagger-ui.css"):
        assert door.get(path).status_code == 404
    assert door.get("/healthz").status_code == 200
