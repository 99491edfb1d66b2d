"""docs/security.md names tests that exist."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
TABLE = (TESTS.parent / "docs" / "security.md").read_text()
NAMED = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", TABLE)


def test_every_named_test_exists() -> None:
    assert len(NAMED) > 50
    missing = [
        f"{file}::{test}"
        for file, test in NAMED
        if not (TESTS / file).is_file() or f"def {test}" not in (TESTS / file).read_text()
    ]
    assert missing == []


def test_every_row_names_one() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("| ")]
    bare = [row for row in rows if ".py" not in row and not row.startswith(("| threat", "| ---"))]
    assert bare == []
