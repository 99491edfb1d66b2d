"""REST bodies: what our own OpenAPI describes, and what no description allows for."""

import base64
import json
import random
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from jointtrack_server.measurements import MEASUREMENTS
from tests.fuzz.conftest import NOBODY, PERSON
from tests.fuzz.mutate import changed, spliced
from tests.support.http import DOCUMENTED_PATH, Door

TIMEOUT_S = 60.0
MULTIPART, JSON = "multipart/form-data; boundary=b", "application/json"
FORM = "application/x-www-form-urlencoded"
NO_PICTURE = {
    400: {"missing_image", "ambiguous_image", "invalid_image", "unknown_model"}
    | {"unknown_measurement", "invalid_request"},
    413: {"image_too_large"},
    415: {"unsupported_media_type"},
    422: {"person_not_found"},
    424: {"image_fetch_failed"},
}
"""How a body may be refused although it fits the schema: no picture, or no name of the server's."""


def examples(count: int) -> settings:
    return settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def api(door: Door) -> schemathesis.BaseSchema:
    """All of Schemathesis' checks; what is a picture, no schema can say."""
    acceptance = {"expected-statuses": ["2xx", *sorted(NO_PICTURE)]}
    config = SchemathesisConfig.from_dict({"checks": {"positive_data_acceptance": acceptance}})
    return schemathesis.openapi.from_url(f"{door.server.url}/openapi.json", config=config)


def serves_the_next(door: Door) -> None:
    answer = door.detect(PERSON)
    assert answer["measurements"][0]["value"]["left"] is not None


def is_documented(api: schemathesis.BaseSchema, response: requests.Response) -> None:
    """Never the server's fault, and status, headers and body as our OpenAPI has them."""
    assert response.status_code < 500, response.text
    assert "Traceback" not in response.text
    api[DOCUMENTED_PATH]["POST"].validate_response(response)


GOOD_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "image": st.sampled_from((PERSON, NOBODY, PERSON[:500])),
        "measurement": st.lists(st.sampled_from(list(MEASUREMENTS)), min_size=1, max_size=3),
    },
)


@pytest.mark.parametrize("path", ["/jointtrack/v1/detect", "/detect"])
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_bodies_made_from_our_openapi(
    door: Door, api: schemathesis.BaseSchema, path: str, mode: GenerationMode
) -> None:
    """Those that our OpenAPI does not allow must be refused, which Schemathesis checks."""
    operation = api[path]["POST"]

    @examples(60)
    @given(case=operation.as_strategy(mode), good=GOOD_FIELDS)
    def check(case: schemathesis.Case[Any], good: dict[str, Any]) -> None:
        if mode is GenerationMode.POSITIVE and isinstance(case.body, dict):
            if "image" in good:
                case.body.pop("image_url", None)
                case.body.pop("image_base64", None)
            case.body.update(_as_sent(good, str(case.media_type)))
        response = case.call_and_validate(
            headers={"X-API-Key": door.server.api_key}, timeout=TIMEOUT_S
        )
        assert response.status_code < 500
        if mode is GenerationMode.POSITIVE and response.status_code != 200:
            assert response.json()["error"]["code"] in NO_PICTURE[response.status_code]

    check()
    serves_the_next(door)


def _as_sent(good: dict[str, Any], media_type: str) -> dict[str, Any]:
    """Pictures and names as a body of this kind holds them."""
    sent = dict(good)
    if "image" in sent and not media_type.startswith("multipart"):
        sent["image"] = base64.b64encode(sent["image"]).decode()
    return sent


def test_the_other_paths_answer_as_described(door: Door, api: schemathesis.BaseSchema) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):

        @examples(3)
        @given(case=api[path]["GET"].as_strategy())
        def check(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(timeout=TIMEOUT_S)

        check()


def _part(name: str, value: bytes, more: bytes = b"") -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + more
    return head + b"\r\n\r\n" + value + b"\r\n"


_BASE64 = base64.b64encode(NOBODY).decode()
WHOLE = {
    MULTIPART: _part("measurement", b"splits,elbow_flexion")
    + _part("image", NOBODY, b'; filename="a.png"\r\nContent-Type: image/png')
    + b"--b--\r\n",
    JSON: json.dumps(
        {"measurement": ["splits"], "image": _BASE64, "people": 2, "include": "details"}
    ).encode(),
    FORM: urlencode(
        {"measurement": "splits", "image_base64": _BASE64, "side": "left", "strict": "true"}
    ).encode(),
}


@pytest.mark.parametrize("content_type", WHOLE)
def test_damaged_bodies(door: Door, api: schemathesis.BaseSchema, content_type: str) -> None:
    @examples(150)
    @given(seed=st.integers(0, 2**32), kind=st.sampled_from((content_type, *WHOLE)))
    def check(seed: int, kind: str) -> None:
        chance = random.Random(seed)
        body = WHOLE[content_type]
        for _ in range(chance.randrange(4)):
            body = changed(body, chance)
        if chance.random() < 0.1:
            body = spliced(body, WHOLE[kind], chance)
        is_documented(api, door.post(data=body, headers={"Content-Type": kind}))

    check()
    serves_the_next(door)


FIELD_NAMES = st.sampled_from(
    ("measurement", "image", "image_url", "image_base64", "side", "model", "version", "people")
) | st.text(max_size=5)
TEXTS = st.text(max_size=20) | st.sampled_from(
    ("splits", "true", "1", "left", "x" * 5000, _BASE64, "http://127.0.0.1/a", "file:///etc/passwd")
)


def _any_json() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELD_NAMES, inner, max_size=5),
        max_leaves=10,
    )


@examples(150)
@given(body=_any_json() | st.dictionaries(FIELD_NAMES, _any_json()))
def test_any_json(door: Door, api: schemathesis.BaseSchema, body: Any) -> None:
    """As Python writes it: NaN and lone surrogates too, which are no JSON."""
    data = json.dumps(body).encode()
    is_documented(api, door.post(data=data, headers={"Content-Type": JSON}))


@examples(100)
@given(
    fields=st.lists(st.tuples(FIELD_NAMES, TEXTS | st.binary(max_size=50)), max_size=10),
    is_multipart=st.booleans(),
)
def test_any_fields(
    door: Door,
    api: schemathesis.BaseSchema,
    fields: list[tuple[str, str | bytes]],
    is_multipart: bool,
) -> None:
    encodable = [
        (name.encode(errors="replace"), value.encode(errors="replace"))
        if isinstance(value, str)
        else (name.encode(errors="replace"), value)
        for name, value in fields
    ]
    if is_multipart:
        body = b"".join(_part(name.decode(), value) for name, value in encodable) + b"--b--\r\n"
        response = door.post(data=body, headers={"Content-Type": MULTIPART})
    else:
        response = door.post(data=encodable, headers={"Content-Type": FORM})
    is_documented(api, response)


HEADERS = st.characters(min_codepoint=32, max_codepoint=126)


@examples(60)
@given(
    content_type=st.text(HEADERS, max_size=40) | st.sampled_from((*WHOLE, "multipart/form-data")),
    request_id=st.text(HEADERS, max_size=80),
    key=st.none() | st.text(HEADERS, max_size=60),
)
def test_any_headers(
    door: Door, api: schemathesis.BaseSchema, content_type: str, request_id: str, key: str | None
) -> None:
    headers = {"Content-Type": content_type.strip(), "X-Request-Id": request_id.strip()}
    if key is not None:
        headers["X-API-Key"] = key.strip()
    is_documented(api, door.post(data=WHOLE[JSON], headers=headers))
