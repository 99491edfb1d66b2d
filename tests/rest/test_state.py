"""What stands beside POST /detect: health, metrics, the OpenAPI document and its page."""

import pytest

from jointtrack_server.rest_api.schema import ErrorAnswer
from tests.support.http import DOCUMENTED_PATH, Door


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


def test_errors_fit_the_published_schema(door: Door) -> None:
    for response in (door.post(json={}), door.get("/nowhere"), door.get("/detect")):
        assert ErrorAnswer.model_validate_json(response.content).error.message
