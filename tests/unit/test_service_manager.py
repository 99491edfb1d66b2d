import logging
import socket
from pathlib import Path

import pytest

from jointtrack_server.service_manager import tell_ready


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_the_service_manager_is_told(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path if kind == "file" else f"\0{path}")
        manager.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", path if kind == "file" else f"@{path}")
        tell_ready()
        assert manager.recv(100) == b"READY=1"


def test_nobody_is_told_where_nobody_asks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    tell_ready()
    assert not caplog.records


def test_a_service_manager_that_is_gone_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    tell_ready()
    assert [one.levelno for one in caplog.records] == [logging.WARNING]
