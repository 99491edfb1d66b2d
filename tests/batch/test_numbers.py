"""The numbers in the table are those that a caller of the server gets, to the last bit."""

import shutil
from collections.abc import Iterator

import pytest

from jointtrack import JointTrackClient
from jointtrack.types import FrameDetection
from jointtrack.types.tables import RowKind
from jointtrack.video import video_frames
from tests.support.batch import PICTURES, Rows, batch, flat, rows
from tests.support.clips import WALK
from tests.support.servers import DATA, RunningServer

NAMES = ("knee_flexion", "hip_side", "shoulder_abduction")
KINDS: tuple[RowKind, ...] = ("angles", "keypoints")
OPTIONS = ("-m", ",".join(NAMES), "--max-people", "2")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    folder = tmp_path_factory.mktemp("archive")
    for name in PICTURES:
        shutil.copy(DATA / name, folder)
    shutil.copy(WALK, folder / "walk.mp4")
    out = folder / "out.parquet"
    done = batch(folder, out, *OPTIONS)
    assert done.returncode == 0, done.stderr
    return rows(out)


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[JointTrackClient]:
    with JointTrackClient(server.target, api_key=server.api_key) as client:
        yield client


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_as_detect_answers_it(
    name: str, table: Rows, client: JointTrackClient
) -> None:
    of_picture = [row for row in table if row["path"] == name]
    answer = client.detect(DATA / name, NAMES, max_people=2)
    for of in KINDS:
        assert flat(of_picture, of) == answer.to_rows(of)
    for row, person in zip(of_picture, answer.people, strict=True):
        size = answer.image_size
        assert (row["image_width_px"], row["image_height_px"]) == (size.width_px, size.height_px)
        assert row["score"] == person.score
        assert {key: row[f"box_{key}"] for key in person.box.to_dict()} == person.box.to_dict()


def test_a_video_is_as_stream_detect_answers_it(table: Rows, client: JointTrackClient) -> None:
    answers = [
        answer
        for answer in client.stream(video_frames(WALK), NAMES, max_people=2)
        if isinstance(answer, FrameDetection)
    ]
    of_video = [row for row in table if row["path"] == "walk.mp4"]
    assert len({row["sequence_id"] for row in of_video}) == 132
    assert {row["track_id"] for row in of_video} >= {None, "1"}, "first nobody is in the picture"
    for of in KINDS:
        expected = [row for answer in answers for row in answer.to_rows(of)]
        assert flat(of_video, of, "sequence_id", "time_s") == expected
