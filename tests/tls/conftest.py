from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.certificates import Authority, Secret
from tests.support.servers import DATA, RunningServer

Start = Callable[..., RunningServer]


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def photo() -> bytes:
    return (DATA / "arms_out_front.jpg").read_bytes()


@pytest.fixture
def secret(tmp_path: Path, authority: Authority) -> Secret:
    secret = Secret(tmp_path / "secret")
    secret.write(authority.server())
    return secret


@pytest.fixture
def mutual(tmp_path: Path, authority: Authority) -> Secret:
    """With the authority's root for client certificates."""
    mutual = Secret(tmp_path / "mutual", has_client_ca=True)
    mutual.write(authority.server(), authority.root)
    return mutual
