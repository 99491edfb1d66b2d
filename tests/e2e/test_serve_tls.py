"""`jointtrack serve` with TLS files; what it prints is run as printed."""

from pathlib import Path

import pytest

from tests.support.certificates import Authority, Secret
from tests.support.command import assert_refused, run
from tests.support.serving import assert_calls_work_as_printed, serving
from tests.support.waiting import eventually


def options(secret: Secret) -> list[str]:
    given = secret.settings.items()
    return [text for name, file in given for text in (f"--{name.replace('_', '-')}", str(file))]


@pytest.mark.parametrize(
    ("names", "url"),
    [
        (("127.0.0.1", "localhost"), "https://127.0.0.1:"),
        (("localhost", "clinic.example"), "https://localhost:"),
        (("angles.clinic.example",), "https://angles.clinic.example:"),
        (("*.clinic.example",), "https://jointtrack.clinic.example:"),
    ],
)
def test_the_calls_it_prints(names: tuple[str, ...], url: str, tmp_path: Path) -> None:
    secret = Secret(tmp_path / "a secret")
    secret.write(Authority().server(*names))
    with serving(tmp_path / "here", "--no-auth", *options(secret)) as served:
        assert " over TLS and HTTP on https://" in served.text
        assert url in served.curl
        assert_calls_work_as_printed(served)


def test_the_calls_it_prints_for_client_certificates(tmp_path: Path) -> None:
    authority, secret = Authority(), Secret(tmp_path / "secret", has_client_ca=True)
    secret.write(authority.server(), authority.root)
    with serving(tmp_path / "here", "--data-dir", "data", *options(secret)) as served:
        assert "# client.pem and client-key.pem stand for your client certificate" in served.text
        own = authority.client(common_name="Ward 3")
        (served.folder / "client.pem").write_bytes(own.chain)
        (served.folder / "client-key.pem").write_bytes(own.key)
        assert_calls_work_as_printed(served)

        secret.write(Authority().server("127.0.0.1"), authority.root)
        eventually(lambda: "TLS reloaded" in served.stderr)
        assert_calls_work_as_printed(served)


def test_half_of_the_files(tmp_path: Path) -> None:
    secret = Secret(tmp_path)
    secret.write(Authority().server())
    certificate, key = str(secret.certificate), str(secret.key)
    for given in (["--tls-cert-file", certificate], ["--tls-key-file", key]):
        assert_refused(run("serve", *given), "--tls-cert-file and --tls-key-file")
    assert_refused(run("serve", "--tls-client-ca-file", certificate), "--tls-client-ca-file")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    given = ["--tls-cert-file", missing, "--tls-key-file", missing, "--no-auth"]
    done = run("serve", *given, JOINTTRACK_PRELOAD="none")
    assert_refused(done, missing, "No such file")
