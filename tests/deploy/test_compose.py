"""The Compose files, read by Docker Compose itself."""

import json
from pathlib import Path
from typing import Any

import grpc
import trustme

from jointtrack.testing import FakeServer
from tests.support import deployment
from tests.support.command import run_here
from tests.support.deployment import DEPLOY, ROOT, image

COMPOSE = DEPLOY / "docker" / "compose.yaml"
TLS = DEPLOY / "docker" / "compose.tls.yaml"
NAME = "angles.example.com"


def config(*files: Path, **variables: str) -> deployment.Done:
    command = [deployment.tool("docker-compose", "docker-compose")]
    for file in files:
        command += ["-f", str(file)]
    return deployment.run(*command, "config", "--format", "json", **variables)


def server_of(*files: Path, **variables: str) -> dict[str, Any]:
    done = config(*files, **variables)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    service: dict[str, Any] = json.loads(done.stdout)["services"]["server"]
    return service


def test_the_server_is_shut_in() -> None:
    server = server_of(COMPOSE)
    assert server["read_only"]
    assert server["cap_drop"] == ["ALL"]
    assert server["security_opt"] == ["no-new-privileges:true"]
    assert {port["host_ip"] for port in server["ports"]} == {"127.0.0.1"}
    assert {port["target"] for port in server["ports"]} == set(image().ports)
    assert server["ulimits"]["nofile"] > 2 * int(str(deployment.default_of("max_connections")))
    assert server["build"] == {
        "context": str(ROOT),
        "dockerfile": "deploy/docker/Dockerfile",
    }


def test_settings_and_secrets_are_the_server_s() -> None:
    for files in ((COMPOSE,), (COMPOSE, TLS)):
        server = server_of(*files, SERVER_NAME=NAME)
        for variable in server["environment"]:
            deployment.setting_of(variable)
        for secret in server["secrets"]:
            folder = server["environment"]["JOINTTRACK_SECRETS_DIR"]
            assert secret["target"] == f"{folder}/{secret['source']}"
            deployment.setting_of(secret["source"].upper())


def test_the_server_may_drain() -> None:
    grace_s = float(server_of(COMPOSE)["stop_grace_period"].removesuffix("s"))
    assert grace_s > float(str(deployment.default_of("drain_grace_s"))) + deployment.EXTRA_GRACE_S


def test_a_file_that_is_wrong_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("read_only: true", "readonly: true"))
    assert "readonly" in config(wrong).stderr


def test_tls_needs_the_certificate_s_name() -> None:
    assert "SERVER_NAME" in config(COMPOSE, TLS, SERVER_NAME="").stderr


def test_the_health_check_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    issued = authority.issue_cert(NAME)
    pair = (issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())
    _, command, *options = server_of(COMPOSE, TLS, SERVER_NAME=NAME)["healthcheck"]["test"]
    assert command == image().health_command[0]
    here = [option.replace("/run/tls", str(tmp_path)) for option in options]
    with FakeServer(credentials=grpc.ssl_server_credentials([pair])) as server:
        assert run_here(*here, "--target", server.target).returncode == 0
        server.ready = False
        assert run_here(*here, "--target", server.target, "--timeout", "0.3").returncode == 1
