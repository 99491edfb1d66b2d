"""What is found, what is done, what fails, and what a second run makes of it."""

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jointtrack_server.batch.lock import FolderLock
from jointtrack_server.batch.rows import SCHEMA
from tests.support.batch import FAST, batch, failures, parts, paths, rows, start
from tests.support.clips import WALK, even_times, walk_pictures, write_clip
from tests.support.command import assert_refused
from tests.support.picture_files import RGB, save
from tests.support.servers import DATA

KNEE = ("-m", "knee_flexion", *FAST)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Pictures and a clip in folders, and files of other kinds."""
    folder = tmp_path / "archive"
    (folder / "2024" / "knees").mkdir(parents=True)
    shutil.copy(DATA / "walk_side.jpg", folder / "A.JPG")
    shutil.copy(DATA / "two_people.jpg", folder / "2024")
    write_clip(folder / "2024" / "knees" / "clip.mp4", walk_pictures(3), even_times(3))
    (folder / "2024" / "notes.csv").write_text("nothing")
    (folder / "2024" / "._two_people.jpg").write_text("hidden")
    (folder / "again").symlink_to(folder, target_is_directory=True)
    return folder


ALL = ["2024/knees/clip.mp4"] * 3 + ["2024/two_people.jpg", "A.JPG"]


def test_an_archive_with_bad_files(archive: Path, tmp_path: Path) -> None:
    jpeg = (DATA / "walk_side.jpg").read_bytes()
    (archive / "cut.jpg").write_bytes(jpeg[:20_000])
    (archive / "empty.png").touch()
    (archive / "text.webp").write_text("no picture")
    (archive / "text.mov").write_text("no video")
    (archive / "cut.mp4").write_bytes(WALK.read_bytes()[:100_000])
    out = tmp_path / "results.parquet"
    done = batch(archive, out, *KNEE)
    assert done.returncode == 3
    assert "2 invalid_video" in done.stderr
    assert paths(out) == ALL
    assert failures(out) == {
        "cut.jpg": "invalid_image",
        "empty.png": "missing_image",
        "text.webp": "invalid_image",
        "text.mov": "invalid_video",
        "cut.mp4": "invalid_video",
    }


def test_a_picture_without_people_has_a_row_that_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "nobody.png").write_bytes(save(RGB, "PNG"))
    assert batch(folder, tmp_path / "out", *KNEE).returncode == 0
    (row,) = rows(tmp_path / "out")
    assert (row["person"], row["keypoints"], row["angles"]) == (None, None, None)
    assert row["missing_reason"] == "person_not_found"
    assert (row["image_width_px"], row["image_height_px"]) == RGB.size
    assert row["file_bytes"] == (folder / "nobody.png").stat().st_size


def test_a_second_run_does_only_what_is_new_changed_or_failed(
    archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results.parquet"
    bad = archive / "bad.jpg"
    bad.write_text("no picture")
    assert batch(archive, out, *KNEE).returncode == 3
    before = parts(out)
    again = batch(archive, out, *KNEE)
    assert again.returncode == 3
    assert "done before" in again.stdout
    assert parts(out) == before

    shutil.copy(DATA / "arms_out_front.jpg", archive / "A.JPG")
    shutil.copy(DATA / "walk_side.jpg", bad)
    old = {row["path"]: row for row in rows(out)}
    assert batch(archive, out, *KNEE).returncode == 0
    assert paths(out) == [*ALL, "bad.jpg"]
    assert not out.with_name("results.failures.csv").exists()
    new = {row["path"]: row for row in rows(out)}
    assert new["A.JPG"]["keypoints"] != old["A.JPG"]["keypoints"]
    assert new["2024/two_people.jpg"] == old["2024/two_people.jpg"]
    assert batch(archive, out, *KNEE).stdout.count("done before") == 1


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (("-m", "hip_side", *FAST), 'measurements was ["knee_flexion"] and is ["hip_side"]'),
        ((*KNEE, "--mirrored"), "mirrored was false and is true"),
        (("-m", "knee_flexion"), 'model was "movenet-lightning 4" and is "movenet-thunder 4"'),
    ],
)
def test_other_options_are_refused(options: tuple[str, ...], change: str, tmp_path: Path) -> None:
    shutil.copy(DATA / "walk_side.jpg", tmp_path)
    out = tmp_path / "out"
    assert batch(tmp_path, out, *KNEE).returncode == 0
    before = parts(out)
    assert_refused(batch(tmp_path, out, *options), change, "another --out")
    assert parts(out) == before


def test_another_source_is_refused(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert batch(archive / "A.JPG", out, *KNEE).returncode == 0
    assert_refused(batch(archive, out, *KNEE), "source was")


def test_a_table_that_is_being_written_is_refused(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    lock = FolderLock(out)
    assert_refused(batch(archive, out, *KNEE), "another run")
    lock.close()


def test_what_is_no_table_of_ours_is_refused(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    pq.write_table(pa.table({"path": ["x"]}), out / "part-000001.parquet")
    assert_refused(batch(archive, out, *KNEE), "is not from this command")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("archive", ALL),
        ("archive/**/*.jpg", ["2024/two_people.jpg"]),
        ("archive/202?/*", ["2024/two_people.jpg"]),
        ("archive/2024/two_people.jpg", ["two_people.jpg"]),
        ("names.txt", ["archive/2024/two_people.jpg", "archive/A.JPG"]),
        ("file://{folder}/archive/2024", ["knees/clip.mp4"] * 3 + ["two_people.jpg"]),
        ("local://{folder}/archive/*.JPG", ["A.JPG"]),
    ],
)
def test_sources(
    source: str,
    found: list[str],
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["archive/A.JPG", "", "archive/2024/two_people.jpg", "archive/A.JPG"]
    (tmp_path / "names.txt").write_text("\n".join(names))
    out = tmp_path / "out"
    done = batch(source.format(folder=tmp_path), out, *KNEE)
    assert done.returncode == 0, done.stderr
    assert paths(out) == found


def test_without_recursion_folders_stay_closed(archive: Path, tmp_path: Path) -> None:
    assert batch(archive, tmp_path / "out", "--no-recursive", *KNEE).returncode == 0
    assert paths(tmp_path / "out") == ["A.JPG"]


def test_a_name_in_a_list_without_a_file_is_a_failure(tmp_path: Path) -> None:
    shutil.copy(DATA / "walk_side.jpg", tmp_path)
    (tmp_path / "names.txt").write_text("walk_side.jpg\ngone.jpg\n")
    assert batch(tmp_path / "names.txt", tmp_path / "out", *KNEE).returncode == 3
    assert failures(tmp_path / "out") == {"gone.jpg": "file_not_readable"}


def test_names_that_are_not_utf_8_are_failures(archive: Path, tmp_path: Path) -> None:
    folder = os.fsdecode(b"sub\xff")
    (archive / folder).mkdir()
    shutil.copy(archive / "A.JPG", archive / folder)
    shutil.copy(archive / "A.JPG", archive / os.fsdecode(b"caf\xe9.jpg"))
    out = tmp_path / "out"
    assert batch(archive, out, *KNEE).returncode == 3
    assert paths(out) == ALL
    assert failures(out) == {"caf\\xe9.jpg": "invalid_name", "sub\\xff/": "invalid_name"}

    (archive / "names.txt").write_bytes(b"A.JPG\ncaf\xe9.jpg\n")
    assert batch(archive / "names.txt", tmp_path / "listed", *KNEE).returncode == 3
    assert paths(tmp_path / "listed") == ["A.JPG"]
    assert failures(tmp_path / "listed") == {"caf\\xe9.jpg": "invalid_name"}
    assert_refused(batch(archive / folder, tmp_path / "none", *KNEE), "sub\\xff is not UTF-8")


@pytest.mark.parametrize(
    ("source", "options", "part"),
    [
        ("nowhere", (), "there is no nowhere"),
        ("nowhere/*.jpg", (), "there is no nowhere/"),
        ("nonsense://x", (), "cannot be read here"),
        ("empty", (), "has no picture and no video"),
        (".", ("--max-people", "2", *FAST), "max_people"),
        (".", ("--model", "movenet-fast"), "movenet-fast"),
    ],
)
def test_what_cannot_be_begun_is_said_in_a_line(
    source: str,
    options: tuple[str, ...],
    part: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert_refused(batch(source, tmp_path / "out", *options), part)
    assert not parts(tmp_path / "out")


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_a_time_that_cannot_be_meant_is_a_usage_error(value: str, tmp_path: Path) -> None:
    done = batch(DATA, tmp_path / "out", "--save-every", value)
    assert done.returncode == 2
    assert "Invalid value for '--save-every'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_table_has_the_schema(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert batch(archive, out, *KNEE, "--workers", "1").returncode == 0
    for part in parts(out):
        assert pq.read_schema(out / part).remove_metadata() == SCHEMA
        assert pq.ParquetFile(out / part).metadata.row_group(0).column(0).compression == "ZSTD"


def test_progress_is_lines_where_there_is_no_terminal(archive: Path, tmp_path: Path) -> None:
    with start(archive, tmp_path / "out", *KNEE) as process:
        _, shown = process.communicate(timeout=120)
    assert process.returncode == 0, shown
    assert shown.splitlines()[-1].startswith("3 of 3 files, ")
    assert "3 frames" in shown
