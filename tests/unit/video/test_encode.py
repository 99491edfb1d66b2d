from pathlib import Path

import av
import numpy as np
import pytest

from jointtrack_server.video.encode import VideoWriter
from tests.support.clips import Pixels, decode


def bars(width: int, height: int, count: int) -> list[Pixels]:
    """A white bar that grows from the left, on black."""
    pictures = [np.zeros((height, width, 3), np.uint8) for _ in range(count)]
    for index, picture in enumerate(pictures):
        picture[:, : (index + 1) * width // count] = 255
    return pictures


def write(path: Path, pictures: list[Pixels], times_s: list[float]) -> None:
    with VideoWriter(path) as writer:
        for picture, time_s in zip(pictures, times_s, strict=True):
            writer.write(picture, time_s)


def test_frames_keep_their_uneven_times_and_their_content(tmp_path: Path) -> None:
    times_s = [0.0, 0.1, 0.15, 0.5, 0.501, 2.0, 2.0 + 1001 / 30_000]
    pictures = bars(160, 120, len(times_s))
    write(tmp_path / "out.mp4", pictures, times_s)
    video = decode(tmp_path / "out.mp4")
    assert video.times_s == pytest.approx(times_s, abs=1 / 90_000)
    for got, picture in zip(video.frames, pictures, strict=True):
        assert np.abs(got.astype(int) - picture).mean() < 4.0


def test_browsers_can_play_it(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    write(path, bars(64, 48, 3), [0.0, 0.1, 0.2])
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("width", "height"), [(65, 48), (64, 49), (65, 49)])
def test_an_odd_side_loses_one_pixel(tmp_path: Path, width: int, height: int) -> None:
    write(tmp_path / "out.mp4", bars(width, height, 2), [0.0, 0.1])
    assert decode(tmp_path / "out.mp4").frames[0].shape == (48, 64, 3)


def test_a_frame_of_another_size_is_fitted_in_on_black(tmp_path: Path) -> None:
    wide, tall = np.full((60, 120, 3), 255, np.uint8), np.full((120, 60, 3), 255, np.uint8)
    write(tmp_path / "out.mp4", [wide, tall], [0.0, 0.1])
    first, second = decode(tmp_path / "out.mp4").frames
    assert first.mean() > 250
    assert second.shape == (60, 120, 3)
    assert second[:, 50:70].mean() > 250
    assert second[:, :40].mean() < 5
    assert second[:, 80:].mean() < 5


def test_times_that_stand_still_are_set_apart(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", bars(64, 48, 3), [0.0, 0.0, 0.0])
    video = decode(tmp_path / "out.mp4")
    assert len(video.frames) == 3
    assert video.times_s == sorted(set(video.times_s))
