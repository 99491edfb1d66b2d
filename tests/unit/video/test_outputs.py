from pathlib import Path

import pytest

from jointtrack_server.video.outputs import OutputError, check_outputs, replacing


def test_the_new_file_takes_the_old_ones_place_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with replacing(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_is_untouched(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as part:
        part.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_good_outputs_pass(tmp_path: Path) -> None:
    check_outputs({"output": tmp_path / "a.MP4", "plot": tmp_path / "a.png"}, "a.mov")


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({}, "nothing to write"),
        ({"output": "a.avi"}, "a.avi will be a MP4 file"),
        ({"plot": "a.svg"}, "a.svg will be a PNG file"),
        ({"csv": "no/a.csv"}, "there is no folder"),
        ({"csv": "folder"}, "is a folder"),
        ({"csv": "a", "json": "folder/../a"}, "asked for twice"),
        ({"output": "source.mp4"}, "is the source"),
    ],
)
def test_bad_outputs_are_told_apart(tmp_path: Path, outputs: dict[str, str], said: str) -> None:
    (tmp_path / "folder").mkdir()
    paths = {name: tmp_path / path for name, path in outputs.items()}
    with pytest.raises(OutputError, match=said):
        check_outputs(paths, str(tmp_path / "source.mp4"))
