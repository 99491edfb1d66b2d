import io
from pathlib import Path

import pytest

from jointtrack import InvalidRequestError, RawImage
from jointtrack.images import ImageSource, image_message, reads_a_file

DATA = b"\xff\xd8 a picture"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    file.write_bytes(DATA)
    return file


def test_encoded_sources(path: Path) -> None:
    sources: list[ImageSource] = [
        path,
        str(path),
        DATA,
        bytearray(DATA),
        memoryview(DATA),
        io.BytesIO(DATA),
    ]
    for source in sources:
        assert image_message(source).encoded == DATA
    with path.open("rb") as file:
        assert image_message(file).encoded == DATA


@pytest.mark.parametrize("url", ["http://example.org/a.jpg", "https://example.org/a.jpg"])
def test_url(url: str) -> None:
    message = image_message(url)
    assert message.WhichOneof("source") == "url"
    assert message.url == url
    assert not reads_a_file(url)


def test_only_files_are_read_in_a_thread(path: Path) -> None:
    assert all(reads_a_file(source) for source in (path, str(path), io.BytesIO(DATA)))
    assert not reads_a_file(DATA)


def test_raw_image_keeps_its_stride() -> None:
    message = image_message(RawImage(bytes(4 * 2 + 3), 1, 3, "bgr24", row_stride_bytes=4))
    assert (message.raw.width_px, message.raw.height_px, message.raw.row_stride_bytes) == (1, 3, 4)
    assert message.raw.pixel_format == 2


@pytest.mark.parametrize(
    "raw",
    [
        RawImage(bytes(11), 2, 2),
        RawImage(b"", 0, 0),
        RawImage(bytes(12), -2, -2),
        RawImage(bytes(100), 2, 2, "rgb24", row_stride_bytes=5),
        RawImage(bytes(100), 2, 2, "yuv420"),
    ],
)
def test_impossible_raw_image_is_refused(raw: RawImage) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        image_message(raw)
    assert caught.value.reason == "INVALID_IMAGE"


def test_empty_picture_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="0 bytes"):
        image_message(b"")


def test_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        image_message(tmp_path / "none.jpg")


@pytest.mark.parametrize("source", [None, 3, ["a.jpg"], io.StringIO("text")])
def test_other_types_are_refused(source: ImageSource) -> None:
    with pytest.raises(TypeError):
        image_message(source)
