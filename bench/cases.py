"""What is measured: bare loops, and calls to servers each compared with one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from bench.bare import OVERLAYS, BareLoop, decode
from bench.load import DETECT, MEASURE, STREAM, Load
from bench.servers import Server
from jointtrack.v1 import image_pb2, joint_pb2, measurement_pb2, pose_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2

PICTURE = Path(__file__).parents[1] / "tests" / "data" / "arms_out_front.jpg"
LIGHTNING, THUNDER = "movenet-lightning", "movenet-thunder"
OURS, NAIVE, FASTAPI = "ours", "naive", "fastapi"

ONE_PASS = "Lightning, one pass"
CHAIN = "default chain"
FOLLOWED_THUNDER = "Thunder, followed"
REST = "three overlays"

BARE_LOOPS: dict[str, BareLoop] = {
    ONE_PASS: BareLoop("one pass"),
    CHAIN: BareLoop("default chain"),
    FOLLOWED_THUNDER: BareLoop("one pass", THUNDER),
    REST: BareLoop("three overlays"),
}
"""What calls are compared with; each also runs on one thread."""

MORE_BARE_LOOPS: dict[str, BareLoop] = {
    f"inference alone, {model.partition('-')[2]}, {precision}, {threads or 'all'} threads": (
        BareLoop("infer", model, precision, threads)
    )
    for model in (LIGHTNING, THUNDER, "movenet-multipose")
    for precision in ("f32", "auto")
    for threads in (1, 0)
} | {"Lightning, one pass, full decode": BareLoop("one pass", reduced=False)}
"""Measured beside them, for the tables of docs/performance.md."""


@dataclass(frozen=True, slots=True)
class Case:
    """A load on a server; its rate is compared with the bare loop called ``limit``.

    It runs ``longer`` times as long as others: a stream begins with a search for people, as much
    work as four frames of Lightning.
    """

    name: str
    limit: str | None
    server: str
    load: Callable[[Server], Load]
    longer: float = 1.0


@cache
def cases() -> list[Case]:
    """All of them, in the order of the table."""
    picture = PICTURE.read_bytes()
    light = one_pass_call()
    raw = _detect(_raw(picture), model=LIGHTNING, whole_picture=True)
    chain = chain_call(picture)
    found = [
        Case(f"Detect, {ONE_PASS}, {_callers(callers)}", ONE_PASS, OURS, _unary(light, callers))
        for callers in (1, 4, 16, 64)
    ]
    found += [
        Case(f"Detect, {CHAIN}, {_callers(callers)}", CHAIN, OURS, _unary(chain, callers))
        for callers in (1, 16)
    ]
    for limit, model in ((ONE_PASS, LIGHTNING), (FOLLOWED_THUNDER, THUNDER)):
        name = model.partition("-")[2].title()
        found += [
            Case(f"StreamDetect, {name}, {streams} streams", limit, OURS, stream, longer=3.0)
            for streams, stream in (
                (1, _stream(picture, model, 1, in_flight=2)),
                (8, _stream(picture, model, 8, in_flight=4)),
            )
        ]
    return [
        *found,
        Case(f"Detect, {ONE_PASS}, raw RGB, 16 callers", ONE_PASS, OURS, _unary(raw, 16)),
        Case("Measure, 16 callers", None, OURS, _unary(_measure(), 16, MEASURE)),
        Case("REST, three overlays, 1 caller", REST, OURS, _rest(picture, 1)),
        Case("REST, three overlays, 16 callers", REST, OURS, _rest(picture, 16)),
        Case("FastAPI + OpenVINO, 1 caller", ONE_PASS, FASTAPI, _http(picture, 1)),
        Case("FastAPI + OpenVINO, 16 callers", ONE_PASS, FASTAPI, _http(picture, 16)),
        Case("naive gRPC + TF Hub, 1 caller", ONE_PASS, NAIVE, _unary(light, 1)),
        Case("naive gRPC + TF Hub, 16 callers", ONE_PASS, NAIVE, _unary(light, 16)),
    ]


def one_pass_call() -> bytes:
    """Detect with Lightning on the whole picture."""
    return _detect(_encoded(PICTURE.read_bytes()), model=LIGHTNING, whole_picture=True)


def chain_call(picture: bytes, max_people: int = 1) -> bytes:
    """Detect by default."""
    return _detect(_encoded(picture), max_people=max_people)


def one_pass_load(server: Server, callers: int, *, is_impatient: bool = False) -> Load:
    """The fastest pictures, from so many callers."""
    return Load("unary", server.grpc, DETECT, one_pass_call(), callers, is_impatient=is_impatient)


def stream_load(server: Server, model: str, streams: int, in_flight: int) -> Load:
    """Frames of one picture, as fast as they are answered."""
    return _stream(PICTURE.read_bytes(), model, streams, in_flight)(server)


def _callers(callers: int) -> str:
    return "1 caller" if callers == 1 else f"{callers} callers"


def _encoded(picture: bytes) -> image_pb2.Image:
    return image_pb2.Image(encoded=picture)


def _raw(picture: bytes) -> image_pb2.Image:
    pixels = decode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR_RGB)
    height, width = pixels.shape[:2]
    return image_pb2.Image(
        raw=image_pb2.RawImage(
            data=pixels.tobytes(),
            width_px=width,
            height_px=height,
            pixel_format=image_pb2.PIXEL_FORMAT_RGB24,
        )
    )


def _detect(
    image: image_pb2.Image, *, model: str = "", whole_picture: bool = False, max_people: int = 1
) -> bytes:
    search = (
        service_pb2.SEARCH_MODE_WHOLE_PICTURE
        if whole_picture
        else service_pb2.SEARCH_MODE_UNSPECIFIED
    )
    options = service_pb2.DetectOptions(model=model, search=search, max_people=max_people)
    return service_pb2.DetectRequest(image=image, options=options).SerializeToString()


def _measure() -> bytes:
    keypoints = [
        pose_pb2.Keypoint(joint=joint, x_px=200 + 7 * (joint % 5), y_px=30 * joint, score=0.9)
        for joint in joint_pb2.Joint.values()[1:]
    ]
    return service_pb2.MeasureRequest(
        keypoints=keypoints,
        image_size=image_pb2.ImageSize(width_px=640, height_px=600),
        measurements=[measurement_pb2.MEASUREMENT_TYPE_KNEE_FLEXION],
    ).SerializeToString()


def _unary(message: bytes, callers: int, path: str = DETECT) -> Callable[[Server], Load]:
    return lambda server: Load("unary", server.grpc, path, message, callers)


def _stream(picture: bytes, model: str, streams: int, in_flight: int) -> Callable[[Server], Load]:
    options = service_pb2.DetectOptions(model=model)
    config = service_pb2.StreamDetectRequest(config=service_pb2.StreamConfig(options=options))
    frame = service_pb2.StreamDetectRequest(frame=service_pb2.Frame(image=_encoded(picture)))
    first, rest = config.SerializeToString(), frame.SerializeToString()
    return lambda server: Load("stream", server.grpc, STREAM, first, streams, rest, in_flight)


def _http(picture: bytes, callers: int) -> Callable[[Server], Load]:
    message = _post("/detect", "image/jpeg", picture)
    return lambda server: Load("http", server.http, "", message, callers)


def _rest(picture: bytes, callers: int) -> Callable[[Server], Load]:
    boundary = "bench"
    parts = [
        f'Content-Disposition: form-data; name="measurement"\r\n\r\n{",".join(OVERLAYS)}'.encode(),
        b'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + picture,
    ]
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    body += f"--{boundary}--\r\n".encode()
    message = _post("/jointtrack/v1/detect", f"multipart/form-data; boundary={boundary}", body)
    return lambda server: Load("http", server.http, "", message, callers)


def _post(path: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


SERVERS: dict[str, str] = {
    NAIVE: "bench.naive_tensorflow",
    FASTAPI: "bench.fastapi_openvino",
}
"""Modules of the servers that are not ours."""
