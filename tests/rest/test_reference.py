"""docs/rest-api.md says what the server does."""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import Reason
from jointtrack_server.rest_api.openapi_request import request_schemas
from jointtrack_server.rest_api.schema import DetectAnswer, ErrorAnswer
from tests.support.http import Door

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/rest-api.md").read_text("utf-8")


def section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_fields() -> None:
    rows = re.findall(r"^\| (`.*?) \|", section("Request"), re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(request_schemas(6)["DetectMultipart"]["properties"])


def test_the_errors() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", section("Errors"), re.MULTILINE)
    listed = {(int(http), code) for http, cell in rows for code in re.findall(r"`(\w+)`", cell)}
    admin = {Reason.KEY_EXISTS, Reason.KEYS_DISABLED}  # gRPC alone administers keys
    answered = [codes for reason, codes in ERROR_CODES.items() if reason not in admin]
    assert listed == {(codes.http, codes.rest) for codes in answered}


def test_the_samples_of_answers_fit_the_schema(door: Door) -> None:
    (answer,) = blocks("json", section("Answer"))
    DetectAnswer.model_validate_json(answer)
    (error,) = blocks("json", section("Errors"))
    documented = ErrorAnswer.model_validate_json(error).error
    given: Any = door.post(json={"image": "aGk=", "measurement": "splits", "side": "up"}).json()
    assert given["error"] == {
        **documented.model_dump(),
        "requestId": given["error"]["requestId"],
    }


def test_the_values_of_the_sample(door: Door, photo: bytes) -> None:
    (answer,) = blocks("json", section("Answer"))
    sample, given = json.loads(answer), door.detect(photo)
    for document in (sample, given):
        for image in (document["image"], document["measurements"][0]["image"]):
            del image["data"]
    assert sample == given


def test_the_python_sample(door: Door, photo: bytes) -> None:
    (code,) = blocks("python")
    code = code.replace("http://localhost:8080", door.server.url)
    code = code.replace('"tests/', f'"{ROOT}/tests/')
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "rest-api.md", "exec"), {"KEY": door.server.api_key})
    answer = door.detect(photo, "shoulder_abduction,splits")
    lines = [f"{one['title']} {one['value']}" for one in answer["measurements"]]
    assert printed.getvalue().splitlines() == lines
