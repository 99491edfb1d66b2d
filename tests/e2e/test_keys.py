"""`jointtrack keys` and `plans`, run as an operator runs them beside a running server."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jointtrack import JointTrackClient, JointTrackError
from tests.support.command import Done, assert_refused, run, run_here
from tests.support.servers import DATA, RunningServer, run_server

TEXT = re.compile(r"jt_([0-9a-f]{8})_\S+")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with run_server(tmp_path_factory.mktemp("data"), preload="none") as running:
        yield running


@pytest.fixture(scope="module")
def folder(server: RunningServer) -> str:
    return str(server.app.settings.data_dir)


def keys(folder: str, *arguments: str) -> Done:
    return run_here("keys", *arguments, "--data-dir", folder)


def plans(folder: str, *arguments: str) -> Done:
    return run_here("plans", *arguments, "--data-dir", folder)


def create(folder: str, *options: str) -> tuple[str, str]:
    """A new key's text and id."""
    done = keys(folder, "create", "--name", "clinic", "--quiet", *options)
    match = TEXT.fullmatch(done.stdout.strip())
    assert match is not None, done.stderr
    return match[0], match[1]


def listed(folder: str, key_id: str) -> dict[str, Any]:
    lines = keys(folder, "list", "--json").stdout.splitlines()
    (found,) = (key for key in map(json.loads, lines) if key["key_id"] == key_id)
    return dict(found)


def answer(server: RunningServer, text: str) -> str:
    """What a caller with this key gets: OK or the reason why not."""
    with JointTrackClient(server.target, api_key=text) as client:
        try:
            client.server_info()
        except JointTrackError as error:
            return str(error.reason)
    return "OK"


def wait_until(moment: datetime) -> None:
    """And a second more: so soon a server has to know."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()) + 1.0)


def test_a_key_is_shown_once_and_listed_without_its_text(
    server: RunningServer, folder: str
) -> None:
    made = keys(folder, "create", "--name", "clinic [east]")
    match = TEXT.match(made.stdout)
    assert match is not None, made.stderr
    assert f"Key {match[1]} for clinic [east]" in made.stdout
    assert "cannot be shown again" in made.stdout
    assert answer(server, match[0]) == "OK"
    table = keys(folder, "list").stdout
    (row,) = (line for line in table.splitlines() if match[1] in line)
    assert re.search(r"detect,stream +unlimited +0 +20\d\d-\d\d-\d\d \d\d:\d\d +clinic", row)
    assert match[0] not in table + keys(folder, "list", "--json").stdout


def test_every_option_is_kept(folder: str) -> None:
    _, key_id = create(
        folder,
        *("--scope", "admin", "--scope", "detect", "--plan", "trial"),
        *("--expires", "2099-01-31", "--certificate-name", "spiffe://clinic/east"),
    )
    key = listed(folder, key_id)
    made = datetime.fromisoformat(key.pop("created_at"))
    assert abs((datetime.now(UTC) - made).total_seconds()) < 600
    assert key == {
        "key_id": key_id,
        "name": "clinic",
        "scopes": ["detect", "admin"],
        "plan": "trial",
        "month_pictures": 0,
        "month_quota": 100,
        "expires_at": "2099-01-31T00:00:00+00:00",
        "revoked_at": None,
        "certificate_name": "spiffe://clinic/east",
    }
    row = keys(folder, "list").stdout
    assert re.search(rf"{key_id}  detect,admin +trial +0/100 .* 2099-01-31 00:00", row)


def test_what_a_key_has_used_is_listed(server: RunningServer, folder: str) -> None:
    text, key_id = create(folder, "--plan", "trial")
    photo = DATA / "arms_out_front.jpg"
    with JointTrackClient(server.target, api_key=text) as client:
        client.detect(photo)
        client.detect(photo)
    assert listed(folder, key_id)["month_pictures"] == 2
    assert re.search(rf"{key_id} .* 2/100 ", keys(folder, "list").stdout)


def test_a_revoked_key_is_refused_within_a_second(server: RunningServer, folder: str) -> None:
    text, key_id = create(folder)
    assert answer(server, text) == "OK"
    done = run("keys", "revoke", key_id, "--data-dir", folder)
    assert done.stdout == f"Key {key_id} is revoked.\n"
    time.sleep(1.0)
    assert answer(server, text) == "INVALID_API_KEY"
    assert listed(folder, key_id)["revoked_at"] is not None
    assert answer(server, server.api_key) == "OK"
    for gone in (key_id, "nonsense"):
        assert_refused(keys(folder, "revoke", gone), gone)


def test_a_key_ends_when_it_was_said_to(server: RunningServer, folder: str) -> None:
    text, key_id = create(folder, "--expires", "5s")
    assert answer(server, text) == "OK"
    ends = datetime.fromisoformat(listed(folder, key_id)["expires_at"])
    wait_until(ends)
    assert answer(server, text) == "INVALID_API_KEY"
    assert answer(server, server.api_key) == "OK"


def test_a_rotated_key_opens_with_both_texts_and_then_with_the_new_one(
    server: RunningServer, folder: str
) -> None:
    old, key_id = create(folder, "--plan", "trial")
    done = keys(folder, "rotate", key_id, "--overlap", "5s")
    rotated = datetime.now(UTC)
    match = TEXT.match(done.stdout)
    assert match is not None, done.stderr
    new = match[0]
    assert (match[1], new == old) == (key_id, False)
    assert "valid for 0:00:05 more" in done.stdout
    assert answer(server, new) == "OK", "the server knows of the change"
    assert answer(server, old) == "OK"
    wait_until(datetime.fromtimestamp(rotated.timestamp() + 5, UTC))
    assert (answer(server, old), answer(server, new)) == ("INVALID_API_KEY", "OK")
    assert listed(folder, key_id)["plan"] == "trial"


def test_without_an_overlap_the_old_text_ends_within_a_second(
    server: RunningServer, folder: str
) -> None:
    old, key_id = create(folder)
    assert answer(server, old) == "OK"
    new = run("keys", "rotate", key_id, "--quiet", "--data-dir", folder).stdout.strip()
    time.sleep(1.0)
    assert (answer(server, old), answer(server, new)) == ("INVALID_API_KEY", "OK")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "--name", ""), ("1 to 100",)),
        (("create", "--name", "x" * 101), ("1 to 100", "101")),
        (("create", "--name", "a\nb\x1b[2J"), ("printable",)),
        (("create", "--name", "a", "--scope", "root"), ("'root'", "detect, stream, admin")),
        (("create", "--name", "a", "--plan", "gold"), ("gold", "trial")),
        (("create", "--name", "a", "--expires", "soon"), ("--expires", "'soon'", "30d")),
        (("create", "--name", "a", "--expires", "2020-01-01"), ("2020-01-01", "ahead")),
        (("create", "--name", "a", "--expires", "999999w"), ("--expires", "999999w")),
        (("create", "--name", "a", "--expires", "9999-12-31T23:00-12:00"), ("--expires",)),
        (("revoke", "00000000"), ("00000000",)),
        (("rotate", "00000000"), ("00000000",)),
        (("rotate", "00000000", "--overlap", "1"), ("--overlap", "'1'", "24h")),
        (("rotate", "00000000", "--overlap", "9" * 5000 + "d"), ("--overlap",)),
        (("rotate", "00000000", "--overlap", "31d"), ("30 days", "31")),
    ],
)
def test_a_refusal_is_one_line(
    folder: str, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    before = keys(folder, "list").stdout
    assert_refused(keys(folder, *arguments), *words)
    assert keys(folder, "list").stdout == before


def test_one_certificate_stands_for_one_key(folder: str) -> None:
    option = ("--certificate-name", "spiffe://clinic/west")
    _, key_id = create(folder, *option)
    assert_refused(keys(folder, "create", "--name", "b", *option), "spiffe://clinic/west")
    assert keys(folder, "revoke", key_id).returncode == 0
    create(folder, *option)


def test_plans_are_listed_set_and_removed(folder: str) -> None:
    bare = run("plans", JOINTTRACK_DATA_DIR=folder)
    assert bare.returncode == 0, bare.stderr
    assert bare.stdout == plans(folder, "list").stdout
    assert re.search(r"^trial +100 +60 +1$", bare.stdout, re.MULTILINE)
    assert re.search(r"^unlimited +no limit +no limit +no limit$", bare.stdout, re.MULTILINE)
    done = plans(folder, "set", "school", "--month-pictures", "500", "--max-streams", "2")
    assert done.stdout == (
        "Plan school: pictures a month 500, requests a minute no limit, streams at once 2.\n"
    )
    plans(folder, "set", "school", "--minute-requests", "30")
    lines = plans(folder, "list", "--json").stdout.splitlines()
    (school,) = (plan for plan in map(json.loads, lines) if plan["name"] == "school")
    assert school == {
        "name": "school",
        "month_pictures": None,
        "minute_requests": 30,
        "max_streams": None,
    }
    _, key_id = create(folder, "--plan", "school")
    assert_refused(plans(folder, "remove", "school"), "school")
    assert keys(folder, "revoke", key_id).returncode == 0
    assert plans(folder, "remove", "school").stdout == "Plan school is removed.\n"
    assert "school" not in plans(folder, "list").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("set", "Gold Plan"), ("lower-case",)),
        (("set", "gold", "--month-pictures", "-1"), ("month_pictures", "-1")),
        (("set", "unlimited", "--max-streams", "1"), ("unlimited", "fixed")),
        (("remove", "gold"), ("gold",)),
        (("remove", "unlimited"), ("unlimited",)),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_one_line(
    folder: str, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    before = plans(folder, "list").stdout
    assert_refused(plans(folder, *arguments), *words)
    assert plans(folder, "list").stdout == before


def test_a_running_server_follows_a_plan_within_a_second(
    server: RunningServer, folder: str
) -> None:
    plans(folder, "set", "slow", "--minute-requests", "1000")
    text, _ = create(folder, "--plan", "slow")
    assert [answer(server, text) for _ in range(3)] == ["OK"] * 3
    plans(folder, "set", "slow", "--minute-requests", "1")
    time.sleep(1.0)
    assert "RATE_LIMITED" in [answer(server, text) for _ in range(2)]
    assert answer(server, server.api_key) == "OK"


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert_refused(keys(str(file), "list"), str(file), "--data-dir")
    assert_refused(plans(str(file), "list"), str(file), "--data-dir")


@pytest.mark.parametrize("given", ["option", "variable"])
def test_a_store_that_cannot_be_reached_is_named_without_its_password(given: str) -> None:
    url = "postgresql+psycopg://operator:hunter2@127.0.0.1:1/keys"
    if given == "option":
        done = run("keys", "list", "--store-url", url)
    else:
        done = run("keys", "list", JOINTTRACK_STORE_URL=url)
    assert_refused(done, "127.0.0.1")
    assert "hunter2" not in done.stderr
