"""What the three bodies may hold at most, and what a body made to harm costs: next to nothing."""

import json
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.rest_api.body import find_reader
from jointtrack_server.rest_api.fields import BodyLimits, Fields
from tests.support.http import Door, refused

NAME = "shoulder_abduction"
MIB = 1024 * 1024
MULTIPART = "multipart/form-data; boundary=b"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
LIMITS = BodyLimits(
    max_image_bytes=32 * MIB,
    max_fields=64,
    max_part_headers=8,
    max_part_header_bytes=1000,
    max_json_depth=16,
)


def read(content_type: str, body: bytes) -> Fields:
    return find_reader(content_type, LIMITS)(body)


def refusal_of(content_type: str, body: bytes) -> JointTrackError:
    with pytest.raises(JointTrackError) as refused:
        read(content_type, body)
    assert refused.value.reason is Reason.INVALID_REQUEST
    return refused.value


def part(*headers: str, value: bytes = b"x") -> bytes:
    head = "\r\n".join(('Content-Disposition: form-data; name="n"', *headers))
    return b"--b\r\n" + head.encode() + b"\r\n\r\n" + value + b"\r\n"


END = b"--b--\r\n"


@pytest.mark.parametrize(
    ("opening", "closing", "times"),
    [("[", "]", 15), ('{"a":', "}", 15), ('{"a":[', "]}", 7), ('["]]}",', "]", 15)],
)
def test_json_depth(opening: str, closing: str, times: int) -> None:
    def nested(times: int) -> bytes:
        return f'{{"n":{opening * times}1{closing * times}}}'.encode()

    assert read(JSON, nested(times))
    refusal = refusal_of(JSON, nested(times + 1))
    assert "nested 17 deep or more, the limit is 16" in refusal.message


def test_brackets_in_strings_are_text() -> None:
    text = '[{"\\' * 500
    assert read(JSON, json.dumps({"image": text, "[[": "]"}).encode()) == [
        ("image", text),
        ("[[", "]"),
    ]


@pytest.mark.parametrize("count", [64, 65])
@pytest.mark.parametrize(
    ("content_type", "body_of"),
    [
        (MULTIPART, lambda count: part() * count + END),
        (FORM, lambda count: b"&".join([b"n=x"] * count)),
        (JSON, lambda count: json.dumps({f"n{at}": at for at in range(count)}).encode()),
        (JSON, lambda count: json.dumps({f"n{at}": [at] for at in range(count)}).encode()),
        (JSON, lambda count: json.dumps({"n": list(range(count))}).encode()),
    ],
    ids=["multipart", "form", "members", "lists", "list"],
)
def test_fields(content_type: str, body_of: Callable[[int], bytes], count: int) -> None:
    if count <= LIMITS.max_fields:
        assert len(read(content_type, body_of(count))) == count
    else:
        refusal = refusal_of(content_type, body_of(count))
        assert "65 fields or more, the limit is 64" in refusal.message
        assert refusal.metadata == {"fields": "65", "max_fields": "64"}


def test_headers_of_a_part() -> None:
    assert read(MULTIPART, part(*["X: y"] * 7) + END) == [("n", "x")]
    refusal = refusal_of(MULTIPART, part(*["X: y"] * 8) + END)
    assert "a part has 9 headers or more, the limit is 8" in refusal.message


def test_bytes_of_a_header_of_a_part() -> None:
    assert read(MULTIPART, part("X: " + "y" * 997) + END) == [("n", "x")]
    refusal = refusal_of(MULTIPART, part("X: " + "y" * 998) + END)
    assert "a header of a part has 1001 bytes or more, the limit is 1000" in refusal.message


def test_a_name_twice_is_the_same_in_every_body() -> None:
    """Otherwise a proxy and this server could read different values."""
    twice: Fields = [("n", "1"), ("n", "2")]
    assert read(JSON, b'{"n": "1", "n": "2"}') == twice
    assert read(FORM, b"n=1&n=2") == twice
    assert read(MULTIPART, part(value=b"1") + part(value=b"2") + END) == twice


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_no_json_number(constant: bytes) -> None:
    assert (
        f"{constant.decode()} is no JSON" in refusal_of(JSON, b'{"n": ' + constant + b"}").message
    )


def test_whole_numbers_are_their_digits() -> None:
    """Python takes minutes to make a number of a million digits."""
    digits = "9" * 1_000_000
    assert read(JSON, f'{{"n": {digits}, "m": [-5, true, null, 1e999]}}'.encode()) == [
        ("n", digits),
        ("m", "-5"),
        ("m", True),
        ("m", None),
        ("m", float("inf")),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_depth_in_another_encoding(encoding: str) -> None:
    """A letter that has the byte of a quote in it hides nothing."""
    assert read(JSON, '{"∀": "["}'.encode(encoding)) == [("∀", "[")]
    refusal = refusal_of(JSON, ('{"∀": ' + "[" * 100).encode(encoding))
    assert "nested 17 deep" in refusal.message


def test_escapes_of_a_form() -> None:
    body = rb"a=1+%2B%2b%00%25+41%2541\x41%5Cn&b=%C3%A9%F0%9F%A6%B5&%3D%26=%26%3d&&c"
    assert read(FORM, body) == [
        ("a", "1 ++\x00% 41%41\\x41\\n"),
        ("b", "é🦵"),
        ("=&", "&="),
        ("c", ""),
    ]
    for bad in (b"a=%", b"a=%4", b"a=%zz", b"a=%u0041", b"a=%ff", b"a=\xff"):
        refusal_of(FORM, bad)


HARMFUL = {
    "empty lists": (JSON, b'{"n":[' + b"[]," * MIB + b"[]]}"),
    "empty texts": (JSON, b'{"n":[' + b'"",' * MIB + b'""]}'),
    "members": (JSON, b"{" + b'"n":1,' * MIB + b'"n":1}'),
    "texts and nothing else": (JSON, b'""' * MIB),
    "escaped quotes": (JSON, b'{"n":"' + b'\\"' * MIB + b'"}'),
    "one long text without an end": (JSON, b'{"n":"' + b"\\\\" * MIB),
    "closed and never opened": (JSON, b"]" * MIB),
    "boundaries": (MULTIPART, part() * (MIB // 64)),
    "near boundaries": (MULTIPART, part(value=b"\r\n--bx" * MIB) + END),
    "padded boundary": (MULTIPART, part()[:-2] + b"\r\n--b" + b" " * 4 * MIB + b"\r\n"),
    "headers": (MULTIPART, b"--b\r\n" + b"X: y\r\n" * MIB),
    "escapes": (FORM, b"n=" + b"%41" * MIB),
    "escapes of nothing": (FORM, b"n=" + b"%" * 4 * MIB),
    "ampersands": (FORM, b"&" * 4 * MIB),
}


@pytest.mark.parametrize("harm", HARMFUL)
def test_memory_stays_within_a_few_bodies(harm: str) -> None:
    content_type, body = HARMFUL[harm]
    tracemalloc.start()
    try:
        with suppress(JointTrackError):
            read(content_type, body)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8 * len(body)


@pytest.mark.parametrize("harm", HARMFUL)
def test_seconds_stay_few(harm: str) -> None:
    """Seconds of the processor: without what bounds them, up to a dozen."""
    content_type, body = HARMFUL[harm]
    begin, middle, end = body[:1000], body[1000:-1000], body[-1000:]
    body = begin + middle * (16 * MIB // len(middle)) + end
    started_s = time.thread_time()
    with suppress(JointTrackError):
        read(content_type, body)
    assert time.thread_time() - started_s < 2.0


@pytest.mark.parametrize("harm", HARMFUL)
def test_the_server_answers_the_next_request(door: Door, photo: bytes, harm: str) -> None:
    content_type, body = HARMFUL[harm]
    response = door.post(data=body, headers={"Content-Type": content_type})
    code, field = "invalid_request", None
    if response.json()["error"]["code"] == "missing_image":
        code, field = "missing_image", "image"
    message = refused(response, 400, code, field)
    assert len(message) < 500
    assert door.detect(photo)["status"] == "ok"
