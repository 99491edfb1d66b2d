"""The Kubernetes manifests as kubectl renders them, against the schemas and the server."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import kubernetes_validate
import pytest
import requests
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from jointtrack_server.settings import Settings
from tests.support import deployment
from tests.support.deployment import DEPLOY, image
from tests.support.servers import RunningServer

FOLDERS = ("base", "example")
VERSIONS = ("1.31", "1.34", "1.37")
LABELS = {"app.kubernetes.io/name": "jointtrack"}
CUSTOM = {"PodMonitor"}
"""Kinds that are not Kubernetes' own."""

Object = dict[str, Any]


@cache
def rendered(folder: str) -> tuple[Object, ...]:
    kubectl = deployment.tool("kubectl", "kubernetes-client")
    done = deployment.run(kubectl, "kustomize", DEPLOY / "kubernetes" / folder)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def only(folder: str, kind: str) -> Object:
    (found,) = (one for one in rendered(folder) if one["kind"] == kind)
    return found


def pod(folder: str) -> Object:
    spec: Object = only(folder, "Deployment")["spec"]["template"]["spec"]
    return spec


def server_in(folder: str) -> Object:
    (found,) = pod(folder)["containers"]
    return dict(found)


def probes(folder: str) -> Iterator[tuple[str, Object]]:
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        yield name, server_in(folder)[name]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_object_is_what_its_schema_says(folder: str, version: str) -> None:
    kinds = set()
    for one in rendered(folder):
        if one["kind"] not in CUSTOM:
            kubernetes_validate.validate(one, version, strict=True)
            kinds.add(one["kind"])
    assert {"Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget"} <= kinds


def test_a_wrong_object_would_be_found() -> None:
    wrong = only("base", "PodDisruptionBudget") | {"spec": {"maxUnavailble": 1}}
    with pytest.raises(kubernetes_validate.ValidationError, match="maxUnavailble"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_variables_are_settings(folder: str) -> None:
    values = dict(only(folder, "ConfigMap")["data"])
    Settings.model_validate({deployment.setting_of(name): text for name, text in values.items()})
    values |= {one["name"]: one["value"] for one in server_in(folder)["env"]}
    for variable in values:
        deployment.setting_of(variable)
    mounted = {one["mountPath"] for one in server_in(folder)["volumeMounts"]}
    assert values["JOINTTRACK_SECRETS_DIR"] in mounted
    for variable in values.keys() & {"JOINTTRACK_TLS_CERT_FILE", "JOINTTRACK_TLS_KEY_FILE"}:
        assert str(Path(values[variable]).parent) in mounted


@pytest.mark.parametrize("folder", FOLDERS)
def test_services_set_no_variable_of_the_server(folder: str) -> None:
    """JOINTTRACK_GRPC_PORT=tcp://10.0.0.1:50051 is what a service called jointtrack-grpc makes."""
    assert pod(folder)["enableServiceLinks"] is False


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_pod_is_restricted(folder: str) -> None:
    """As the Pod Security Standards say, and with a read-only root besides."""
    user, group = map(int, image().user.split(":"))
    spec, container = pod(folder), server_in(folder)
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert container["resources"]["limits"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_everything_means_the_same_pods(folder: str) -> None:
    deployed = only(folder, "Deployment")
    assert deployed["spec"]["template"]["metadata"]["labels"] == LABELS
    assert deployed["spec"]["selector"]["matchLabels"] == LABELS
    assert only(folder, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == LABELS
    assert only(folder, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == LABELS
    assert all(
        one["spec"]["selector"] == LABELS for one in rendered(folder) if one["kind"] == "Service"
    )
    scaled = only(folder, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == ("Deployment", deployed["metadata"]["name"])
    assert "replicas" not in deployed["spec"]


def test_names_can_be_looked_up() -> None:
    """What kustomize adds to selectors must not reach the one of the cluster's DNS."""
    to_dns = only("base", "NetworkPolicy")["spec"]["egress"][0]["to"]
    assert to_dns[0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}


@pytest.mark.parametrize("folder", FOLDERS)
def test_ports_are_the_server_s(folder: str) -> None:
    ports = {one["name"]: one["containerPort"] for one in server_in(folder)["ports"]}
    assert ports == {
        "grpc": deployment.default_of("grpc_port"),
        "http": deployment.default_of("http_port"),
        "metrics": int(only(folder, "ConfigMap")["data"]["JOINTTRACK_METRICS_PORT"]),
    }
    for one in rendered(folder):
        if one["kind"] == "Service":
            for port in one["spec"]["ports"]:
                assert ports[port["targetPort"]] == port["port"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_server_may_drain(folder: str) -> None:
    drain_s = float(only(folder, "ConfigMap")["data"]["JOINTTRACK_DRAIN_GRACE_S"])
    told_s = server_in(folder)["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace_s = pod(folder)["terminationGracePeriodSeconds"]
    assert grace_s > told_s + drain_s + deployment.EXTRA_GRACE_S


def test_the_probes_ask_what_the_server_answers(server: RunningServer) -> None:
    with grpc.insecure_channel(server.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name, probe in probes("base"):
            assert probe["grpc"]["port"] == deployment.default_of("grpc_port"), name
            asked = health_pb2.HealthCheckRequest(service=probe["grpc"].get("service", ""))
            answer = stub.Check(asked, timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING, name


def test_the_probes_over_tls_ask_what_the_server_answers(server: RunningServer) -> None:
    for name, probe in probes("example"):
        assert "grpc" not in probe, f"{name}: the kubelet's gRPC probes speak no TLS"
        assert (probe["httpGet"]["port"], probe["httpGet"]["scheme"]) == ("http", "HTTPS")
        answer = requests.get(f"{server.url}{probe['httpGet']['path']}", timeout=10)
        assert answer.status_code == 200, name
