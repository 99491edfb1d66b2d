import shutil
from pathlib import Path

import pytest

from tests.support.servers import DATA


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the samples, as the docs' commands see them from the project's root."""
    shutil.copytree(DATA, tmp_path / "tests" / "data")
    return tmp_path
