"""An archive in an object store: a server on this machine that speaks S3."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from moto.server import ThreadedMotoServer

from tests.support.batch import FAST, Rows, batch, failures, parts, rows
from tests.support.clips import even_times, walk_pictures, write_clip
from tests.support.command import Done, assert_refused, run
from tests.support.servers import DATA

KNEE = ("-m", "knee_flexion", *FAST)
LIMIT_S = 60.0
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "anybody",
    "AWS_SECRET_ACCESS_KEY": "anything",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture
def store() -> Iterator[str]:
    """The address of one that lets everybody in."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    (folder / "2026").mkdir(parents=True)
    for name in ("arms_out_front.jpg", "walk_side.jpg"):
        (folder / "2026" / name).write_bytes((DATA / name).read_bytes())
    (folder / "2026" / "bad.jpg").write_text("no picture")
    write_clip(folder / "walk.mp4", walk_pictures(5), even_times(5))
    return folder


def put(store: str, name: str, data: bytes = b"") -> None:
    assert requests.put(f"{store}/{name}", data=data, timeout=LIMIT_S).status_code == 200


def measured(table: Rows) -> Rows:
    return [{**row, "file_modified": None} for row in table]


def batch_from(store: str, source: str, out: Path) -> Done:
    return run("batch", source, "--out", str(out), *KNEE, **CREDENTIALS, AWS_ENDPOINT_URL=store)


def test_an_archive_in_a_bucket_gives_the_table_of_a_folder(
    store: str, archive: Path, tmp_path: Path
) -> None:
    put(store, "clinic")
    for path in archive.rglob("*.*"):
        put(store, f"clinic/scans/{path.relative_to(archive)}", path.read_bytes())
    here, there = tmp_path / "here.parquet", tmp_path / "there.parquet"
    assert batch(archive, here, *KNEE).returncode == 3

    assert batch_from(store, "s3://clinic/scans", there).returncode == 3
    assert measured(rows(there)) == measured(rows(here))
    assert all(row["file_modified"] for row in rows(there))
    assert failures(there) == {"2026/bad.jpg": "invalid_image"}

    before = parts(there)
    put(store, "clinic/scans/2026/new.jpg", (DATA / "walk_side.jpg").read_bytes())
    assert batch_from(store, "s3://clinic/scans", there).returncode == 3
    assert before.items() < parts(there).items(), "what is done is not done again"

    pictures = tmp_path / "pictures.parquet"
    assert batch_from(store, "s3://clinic/scans/**/*.jpg", pictures).returncode == 3
    assert len(rows(pictures)) == 3


def test_a_bucket_that_is_not_there_and_a_store_that_is_not_reached(
    store: str, tmp_path: Path
) -> None:
    out = tmp_path / "results.parquet"
    assert_refused(batch_from(store, "s3://nobody/scans", out), "there is no s3://nobody/scans")
    refused = batch_from("http://127.0.0.1:1", "s3://clinic/scans", out)
    assert_refused(refused, "s3://clinic/scans cannot be listed", "127.0.0.1:1")
