"""Every documented way to send a picture and the measurements asked for."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.http import Door, refused

NAME = "shoulder_abduction"


@pytest.fixture(scope="module")
def text(photo: bytes) -> str:
    encoded = base64.b64encode(photo).decode()
    assert "+" in encoded
    assert "/" in encoded
    return encoded


@pytest.fixture
def expected(door: Door, photo: bytes) -> Any:
    return door.detect(photo)


def in_lines(text: str, end: str) -> str:
    return end.join(text[at : at + 76] for at in range(0, len(text), 76)) + end


VARIANTS: dict[str, Callable[[str], str]] = {
    "bare": lambda text: text,
    "data URI": lambda text: f"data:image/jpeg;base64,{text}",
    "data URI of no type": lambda text: f"data:;base64,{text}",
    "data URI with a parameter": lambda text: f"DATA:image/jpeg;name=a.jpg;base64,{text}",
    "URL-safe": lambda text: text.replace("+", "-").replace("/", "_"),
    "unpadded": lambda text: text.rstrip("="),
    "in lines": lambda text: in_lines(text, "\n"),
    "in lines as in mail": lambda text: in_lines(text, "\r\n"),
    "plus signs turned to blanks": lambda text: text.replace("+", " "),
    "blanks around": lambda text: f"\n {text.strip('+')}\t",
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("field", ["image", "image_base64"])
def test_base64_in_every_body(
    door: Door, text: str, expected: Any, variant: str, field: str
) -> None:
    fields = {field: VARIANTS[variant](text), "measurement": NAME}
    parts = {name: (None, value) for name, value in fields.items()}
    for request in ({"json": fields}, {"data": fields}, {"files": parts}):
        response = door.post(**request)
        assert response.status_code == 200, response.text
        assert response.json() == expected


def test_a_form_that_leaves_plus_signs_bare(door: Door, text: str, expected: Any) -> None:
    body = f"measurement={NAME}&image={quote(text, safe='+/=')}"
    response = door.post(
        data=body.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert response.json() == expected


def test_a_file_of_any_name_and_type(door: Door, photo: bytes, expected: Any) -> None:
    for file in (("a.txt", photo), ("bild ä.jpg", photo, "text/plain"), ("", photo), (None, photo)):
        response = door.post(files={"image": file}, data={"measurement": NAME})
        assert response.json() == expected


def test_one_picture_only(door: Door, photo: bytes, text: str) -> None:
    url = "http://example.com/a.jpg"
    for request in (
        {"json": {"image": text, "image_url": url}},
        {"json": {"image": [text, text]}},
        {"files": {"image": photo}, "data": {"image_base64": text}},
        {"files": [("image", photo), ("image", photo)]},
    ):
        message = refused(door.post(**request), 400, "ambiguous_image", "image")
        assert message.startswith("2 images were given (image")


def test_a_source_left_empty_is_none(door: Door, photo: bytes, expected: Any) -> None:
    fields = {"measurement": NAME, "image_url": "", "image_base64": " "}
    assert door.post(files={"image": photo}, data=fields).json() == expected


@pytest.mark.parametrize("image", [None, "", " \n", []])
def test_no_picture(door: Door, image: object) -> None:
    response = door.post(json={"image": image, "measurement": NAME})
    assert '"image"' in refused(response, 400, "missing_image", "image")


def test_no_picture_in_a_form(door: Door) -> None:
    for request in (
        {"files": {"image": b""}, "data": {"measurement": NAME}},
        {"data": {"measurement": NAME}},
        {"files": {"measurement": (None, NAME)}},
    ):
        refused(door.post(**request), 400, "missing_image", "image")


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"image": "photo.jpg"}, "photo.jpg"),
        ({"image": "ftp://example.com/a.jpg"}, "ftp://example.com/a.jpg"),
        ({"image": "data:image/jpeg,abc"}, "data:image/jpeg,abc"),
        ({"image": "data:image/jpeg;base64,a"}, "data:image/jpeg;base64,a"),
        ({"image_url": "/9j/4AAQSkZJ"}, "/9j/4AAQSkZJ"),
        ({"image_base64": "http://example.com/a.jpg"}, "http://example.com/a.jpg"),
        ({"image": "é" * 200}, "é" * 40),
        ({"image": "\ud800!"}, "?!"),
        ({"image": 5}, '"5"'),
        ({"image": 5.5}, "no text"),
        ({"image": {"url": "http://example.com"}}, "no text"),
    ],
)
def test_text_that_is_no_picture(door: Door, fields: dict[str, Any], shown: str) -> None:
    response = door.post(json={"measurement": NAME, **fields})
    assert shown in refused(response, 400, "invalid_image", next(iter(fields)))


def test_base64_of_something_else(door: Door) -> None:
    response = door.post(json={"measurement": NAME, "image": base64.b64encode(b"GIF89a").decode()})
    refused(response, 415, "unsupported_media_type", "image")


@pytest.mark.parametrize(
    "measurement",
    [
        f"{NAME},splits",
        f" {NAME} ,\tsplits ",
        f"{NAME},splits,{NAME}",
        f",{NAME},,splits,",
        [NAME, "splits"],
        [f"{NAME},splits", NAME],
    ],
)
def test_lists_of_measurements(door: Door, text: str, measurement: object) -> None:
    answer = door.post(json={"image": text, "measurement": measurement}).json()
    assert [one["name"] for one in answer["measurements"]] == [NAME, "splits"]


def test_measurement_as_a_repeated_field(door: Door, photo: bytes, text: str) -> None:
    repeated = {"measurement": ["splits", NAME, "splits"]}
    for request in (
        {"files": {"image": photo}, "data": repeated},
        {"data": {**repeated, "image": text}},
    ):
        answer = door.post(**request).json()
        assert [one["name"] for one in answer["measurements"]] == ["splits", NAME]


def test_json_numbers_and_booleans(door: Door, text: str) -> None:
    fields = {"image": text, "measurement": NAME, "people": 2, "mirrored": True, "version": 4}
    answer = door.post(json=fields).json()
    texts = {name: str(value) for name, value in fields.items()}
    assert answer == door.post(json=texts).json()
    assert "people" in answer


def test_json_in_another_unicode_encoding(door: Door, text: str, expected: Any) -> None:
    body = json.dumps({"image": text, "measurement": NAME})
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        response = door.post(
            data=body.encode(encoding), headers={"Content-Type": "Application/JSON; charset=x"}
        )
        assert response.json() == expected


def test_unknown_fields_are_left_alone(door: Door, text: str, expected: Any) -> None:
    extra = {"user": {"name": "x"}, "weight": 1.5, "": None}
    assert door.post(json={"image": text, "measurement": NAME, **extra}).json() == expected
