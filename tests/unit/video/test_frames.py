import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from jointtrack.frames import Frame
from jointtrack_server.video.frames import FrameWindow


class Source:
    """Numbered frames without end; ``read`` counts those handed out."""

    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Iterator[Frame]:
        for index in count():
            self.read += 1
            yield Frame(b"%d" % index, index, index / 10)


def test_frames_are_kept_until_they_are_taken() -> None:
    window = FrameWindow(iter(Source()), size=3)
    sent = iter(window)
    assert [next(sent).sequence_id for _ in range(3)] == [0, 1, 2]
    assert window.take(1).image == b"1"
    with pytest.raises(KeyError):
        window.take(1)


def test_a_full_window_waits_for_an_answer() -> None:
    source = Source()
    window = FrameWindow(iter(source), size=2)
    reached = threading.Semaphore(0)

    def send() -> None:
        for _ in window:
            reached.release()

    thread = threading.Thread(target=send)
    thread.start()
    try:
        for _ in range(2):
            assert reached.acquire(timeout=5)
        assert not reached.acquire(timeout=0.1)
        assert source.read == 2
        window.take(0)
        assert reached.acquire(timeout=5)
        assert not reached.acquire(timeout=0.1)
        assert source.read == 3
    finally:
        window.stop()
        thread.join(5)
    assert not thread.is_alive()
    assert window.is_cut_short


def test_a_source_read_to_its_end_is_not_cut_short() -> None:
    window = FrameWindow(iter([Frame(b"0", 0), Frame(b"1", 1)]), size=5)
    assert len(list(window)) == 2
    window.stop()
    assert not window.is_cut_short
    assert window.error is None


def test_an_error_of_the_source_ends_the_frames_and_is_kept() -> None:
    def frames() -> Iterator[Frame]:
        yield Frame(b"0", 0)
        raise OSError("the disk is gone")

    window = FrameWindow(frames(), size=5)
    assert [frame.image for frame in window] == [b"0"]
    assert str(window.error) == "the disk is gone"


def test_picture_files_that_cannot_be_read_are_counted_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"picture")
    (tmp_path / "2").touch()
    frames = [Frame(tmp_path / str(index), index) for index in range(3)]
    window = FrameWindow(iter(frames), size=5)
    assert [(frame.sequence_id, frame.image) for frame in window] == [(1, b"picture")]
    assert window.broken == 2
