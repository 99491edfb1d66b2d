"""What stands beside POST /detect: health, metrics, the OpenAPI document and its page."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.rest_api.schema import DetectAnswer, ErrorAnswer
from tests.support.http import DOCUMENTED_PATH, Door

FIELDS = {
    *("image", "image_url", "image_base64", "measurement", "side", "model", "version"),
    *("include", "facing", "mirrored", "strict", "people"),
}


@pytest.fixture(scope="module")
def document(server: Any) -> Any:
    return Door(server).get("/openapi.json").json()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(door: Door, path: str) -> None:
    response = door.get(path)
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}
    assert response.headers["X-Request-Id"]


def test_requests_are_counted_by_reason(door: Door, photo: bytes) -> None:
    def counts() -> list[float]:
        return [
            door.count(f'code="{code}",door="http",method="{path}"')
            for code, path in (
                ("OK", DOCUMENTED_PATH),
                ("OK", "/detect"),
                ("UNKNOWN_MEASUREMENT", DOCUMENTED_PATH),
                ("INVALID_API_KEY", DOCUMENTED_PATH),
                ("NOT_FOUND", "other"),
            )
        ]

    before = counts()
    door.detect(photo)
    door.post("/detect", files={"image": photo}, data={"measurement": "splits"})
    for _ in range(2):
        door.post(json={"image": "aGk=", "measurement": "x"})
    door.post(headers={"X-API-Key": "x"})
    door.get("/a/path/of/the/caller")
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 1, 2, 1, 1]


def test_metrics(door: Door) -> None:
    response = door.get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'jointtrack_requests_in_flight{door="http"} 1.0' in response.text
    assert "/a/path/of/the/caller" not in response.text


def test_openapi_is_valid(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPI.model_validate(document)
    references = list(find(document, "$ref"))
    assert references
    for reference in references:
        target = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def find(node: object, key: str) -> Iterator[Any]:
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        for value in node.values():
            yield from find(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from find(value, key)


def test_openapi_describes_the_request(document: Any) -> None:
    operations = [document["paths"][path]["post"] for path in (DOCUMENTED_PATH, "/detect")]
    assert operations[0]["requestBody"] == operations[1]["requestBody"]
    assert len({one["operationId"] for one in operations}) == 2
    content = operations[0]["requestBody"]["content"]
    assert set(content) == {
        *("multipart/form-data", "application/json", "application/x-www-form-urlencoded"),
    }
    for body in content.values():
        assert set(body["schema"]["properties"]) == FIELDS
    assert content["multipart/form-data"]["schema"]["properties"]["image"]["format"] == "binary"
    _, listed = content["application/json"]["schema"]["properties"]["measurement"]["anyOf"]
    assert listed["items"]["enum"] == list(MEASUREMENTS)
    schemes = document["components"]["securitySchemes"]
    assert [(one["in"], one["name"]) for one in schemes.values()] == [("header", "X-API-Key")]
    assert [list(one) for one in operations[0]["security"]] == [list(schemes)]


def test_openapi_describes_the_answers(document: Any) -> None:
    responses = document["paths"][DOCUMENTED_PATH]["post"]["responses"]
    statuses = {str(codes.http) for codes in ERROR_CODES.values()} - {"404", "405"}
    assert set(responses) == {"200", *statuses}
    (example,) = document["components"]["schemas"]["DetectAnswer"]["examples"]
    assert DetectAnswer.model_validate(example).measurements[0].value.left == 123


def test_errors_fit_the_published_schema(door: Door) -> None:
    for response in (door.post(json={}), door.get("/nowhere"), door.get("/detect")):
        assert ErrorAnswer.model_validate_json(response.content).error.message


def test_without_keys_openapi_asks_for_none(open_door: Callable[..., Door]) -> None:
    assert "securitySchemes" not in open_door(auth=False).get("/openapi.json").json()["components"]


def test_docs_need_nothing_from_elsewhere(door: Door) -> None:
    page = door.get("/docs")
    assert page.status_code == 200
    assert re.search(r"https?:|//\w", page.text) is None
    links = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert len(links) == 3
    for link in links:
        response = door.get(link)
        assert response.status_code == 200
        assert len(response.content) > 500
