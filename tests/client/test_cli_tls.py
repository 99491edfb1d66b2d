"""How the command line connects: certificates, and where the API key may go."""

from pathlib import Path

import grpc
import pytest
import trustme
from typer.testing import CliRunner, Result

from jointtrack.cli.app import app
from jointtrack.testing import FakeServer

KEY = "a-secret-key"


def info(server: FakeServer, *arguments: str | Path, target: str | None = None) -> Result:
    environment = {"COLUMNS": "200", "JOINTTRACK_API_KEY": KEY, "NO_COLOR": "1"}
    return CliRunner(env=environment).invoke(
        app,
        ["info", "--json", "--target", target or server.target, *map(str, arguments)],
        catch_exceptions=False,
    )


def usage_error(result: Result) -> str:
    assert result.exit_code == 2
    return " ".join(result.stderr.replace("│", " ").split())


def test_a_client_certificate_is_shown(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    shown = authority.issue_cert("ward@clinic.example.org")
    root, chain, key = (tmp_path / name for name in ("root.pem", "client.pem", "client.key"))
    authority.cert_pem.write_to_path(root)
    shown.cert_chain_pems[0].write_to_path(chain)
    shown.private_key_pem.write_to_path(key)
    credentials = grpc.ssl_server_credentials(
        [(issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())],
        authority.cert_pem.bytes(),
        True,
    )
    with FakeServer(credentials=credentials, api_key=KEY) as server:
        done = info(server, "--ca-file", root, "--cert-file", chain, "--key-file", key)
        assert done.exit_code == 0, done.stderr
        refused = info(server, "--ca-file", root, "--timeout", "0.5")
    assert refused.exit_code == 1
    assert "trust the other's certificate" in refused.stderr
    assert len(server.metadata) == 1


def test_options_that_do_not_fit_are_usage_errors(server: FakeServer, tmp_path: Path) -> None:
    key, empty = tmp_path / "client.key", tmp_path / "empty.pem"
    trustme.CA().issue_cert("x").private_key_pem.write_to_path(key)
    empty.touch()
    assert "give both" in usage_error(info(server, "--key-file", key))
    assert "give both" in usage_error(info(server, "--cert-file", empty))
    assert "leave out --no-tls" in usage_error(
        info(server, "--no-tls", "--cert-file", empty, "--key-file", key)
    )
    assert "leave out --no-tls" in usage_error(info(server, "--no-tls", "--ca-file", empty))
    assert "holds no PEM certificate" in usage_error(info(server, "--ca-file", empty))


@pytest.mark.parametrize("allowed", [False, True])
def test_the_key_goes_out_in_clear_text_only_when_told_to(
    server: FakeServer, allowed: bool
) -> None:
    elsewhere = f"ipv4:{server.target},{server.target}"  # not seen to be this machine
    options = ["--no-tls", *(["--allow-cleartext-key"] if allowed else [])]
    done = info(server, *options, target=elsewhere)
    if allowed:
        assert done.exit_code == 0, done.stderr
        assert [call["x-api-key"] for call in server.metadata] == [KEY]
    else:
        assert "clear text" in usage_error(done)
        assert KEY not in done.output
        assert not server.metadata


def test_health_of_a_server_that_is_reached_by_another_name(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("angles.example.org")
    root = tmp_path / "root.pem"
    authority.cert_pem.write_to_path(root)
    pair = (issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())
    with FakeServer(credentials=grpc.ssl_server_credentials([pair])) as server:
        asked = ("health", "--target", server.target, "--ca-file", str(root), "--timeout", "0.5")
        named = CliRunner().invoke(app, [*asked, "--server-name", "angles.example.org"])
        assert named.exit_code == 0, named.stderr
        assert CliRunner().invoke(app, asked).exit_code == 1
