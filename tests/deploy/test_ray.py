"""deploy/ray: the manifests against their schemas, and the models on a real cluster, shut in as a
pod is and handed over as the KubeRay operator does it, with a door that joins."""

import importlib
import json
import shutil
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from jointtrack_server.settings import Settings
from jointtrack_server.settings.scaling import ReplicaSettings
from tests.support import deployment
from tests.support.deployment import DEPLOY, ROOT, Container, container, image
from tests.support.serving import PHOTO

RAY = DEPLOY / "ray"
FOLDERS = ("cpu", "gpu")
VERSION = "1.37"
HEALTH = "http://127.0.0.1:52365/api/local_raylet_healthz"
OPERATOR_PUT = """
import sys, json, urllib.request, yaml
body = json.dumps(yaml.safe_load(open(sys.argv[1]))).encode()
url = "http://127.0.0.1:8265/api/serve/applications/"
headers = {"Content-Type": "application/json"}
request = urllib.request.Request(url, body, headers, method="PUT")
print(urllib.request.urlopen(request, timeout=180).status)
"""
DOOR = """
jointtrack serve --no-auth --host 127.0.0.1 --backend ray --ray-address auto > /data/said 2>&1 &
until grep -q '^JointTrack serves' /data/said; do
  kill -0 $! || { cat /data/said >&2; exit 1; }
  sleep 0.2
done
"""
# The replicas' turn comes beside other tests, too.
ENVIRONMENT = {"PYTHONWARNINGS": "ignore", "RAY_worker_niceness": "0"}
SERVICE_FIELDS = {"serveConfigV2", "upgradeStrategy", "rayClusterConfig"}
CLUSTER_FIELDS = {
    *("rayVersion", "enableInTreeAutoscaling", "autoscalerOptions"),
    *("headGroupSpec", "workerGroupSpecs"),
}
GROUP_FIELDS = {"groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"}
"""Of KubeRay's custom resources, version ray.io/v1: those of them that are used."""

Object = dict[str, Any]


@pytest.fixture(scope="module")
def gpu_overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As somebody makes it who wants GPUs."""
    folder = tmp_path_factory.mktemp("gpu")
    for name in ("ray", "kubernetes"):
        shutil.copytree(DEPLOY / name, folder / name)
    mine = {"resources": ["../ray"], "components": ["../ray/gpu"]}
    (folder / "mine").mkdir()
    (folder / "mine" / "kustomization.yaml").write_text(yaml.safe_dump(mine))
    return folder / "mine"


@cache
def rendered(folder: Path) -> tuple[Object, ...]:
    kubectl = deployment.tool("kubectl", "kubernetes-client")
    done = deployment.run(kubectl, "kustomize", folder)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


@pytest.fixture(params=FOLDERS)
def objects(request: pytest.FixtureRequest, gpu_overlay: Path) -> tuple[Object, ...]:
    return rendered(RAY if request.param == "cpu" else gpu_overlay)


def only(objects: tuple[Object, ...], kind: str) -> Object:
    (found,) = (one for one in objects if one["kind"] == kind)
    return found


def groups(objects: tuple[Object, ...]) -> Iterator[Object]:
    cluster = only(objects, "RayService")["spec"]["rayClusterConfig"]
    yield cluster["headGroupSpec"]
    yield from cluster["workerGroupSpecs"]


def door_pod(objects: tuple[Object, ...]) -> Object:
    spec: Object = only(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


def models(objects: tuple[Object, ...]) -> Object:
    config = yaml.safe_load(only(objects, "RayService")["spec"]["serveConfigV2"])
    (application,) = config["applications"]
    found: Object = application["args"]["models"]
    return found


def test_every_object_is_what_its_schema_says(objects: tuple[Object, ...]) -> None:
    for one in objects:
        if one["kind"] != "RayService":
            kubernetes_validate.validate(one, VERSION, strict=True)
    for group in groups(objects):
        pod = {"apiVersion": "v1", "kind": "Pod", **group["template"]}
        kubernetes_validate.validate(pod, VERSION, strict=True)


def test_the_cluster_has_no_field_that_kuberay_does_not_know(objects: tuple[Object, ...]) -> None:
    spec = only(objects, "RayService")["spec"]
    assert spec.keys() == SERVICE_FIELDS
    assert spec["rayClusterConfig"].keys() == CLUSTER_FIELDS
    for group in groups(objects):
        assert group.keys() <= GROUP_FIELDS
        assert all(isinstance(one, str) for one in group["rayStartParams"].values())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray's own
def test_the_models_are_what_ray_serve_and_the_server_understand(
    objects: tuple[Object, ...],
) -> None:
    from ray.serve.schema import ServeDeploySchema

    from jointtrack_server.distributed.options import (
        APPLICATION,
        ApplicationOptions,
        check_names,
    )

    text = only(objects, "RayService")["spec"]["serveConfigV2"]
    (application,) = ServeDeploySchema.model_validate(yaml.safe_load(text)).applications
    assert application.name == APPLICATION
    module, _, builder = application.import_path.partition(":")
    assert callable(getattr(importlib.import_module(module), builder))
    check_names(ApplicationOptions.model_validate(application.args))


def test_replicas_find_room_on_the_workers(objects: tuple[Object, ...]) -> None:
    """What must be there fits on the fewest workers, and a replica on one worker."""
    _, *workers = groups(objects)
    sizes = [worker["template"]["spec"]["containers"][0]["resources"] for worker in workers]
    for name, key in (("cpus", "cpu"), ("gpus", "nvidia.com/gpu")):
        there = [float(size["limits"].get(key, 0)) for size in sizes]
        needed = [ReplicaSettings.model_validate(one) for one in models(objects).values()]
        assert all(getattr(one, name) <= max(there) for one in needed)
        least = sum(getattr(one, name) * (one.min_replicas or 0) for one in needed)
        assert least <= sum(
            have * worker["minReplicas"] for have, worker in zip(there, workers, strict=True)
        )


def test_doors_and_nodes_run_one_image_and_one_ray(objects: tuple[Object, ...]) -> None:
    pods = [door_pod(objects), *(group["template"]["spec"] for group in groups(objects))]
    images = {
        one["image"] for pod in pods for one in (*pod["containers"], *pod.get("initContainers", ()))
    }
    assert len(images) == 1
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    version = only(objects, "RayService")["spec"]["rayClusterConfig"]["rayVersion"]
    assert f"ray=={version}" in constraints


def test_every_pod_is_restricted(objects: tuple[Object, ...]) -> None:
    user = int(image().user.partition(":")[0])
    for pod in (door_pod(objects), *(group["template"]["spec"] for group in groups(objects))):
        assert pod["securityContext"]["runAsUser"] == user
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["enableServiceLinks"] is False
        for one in (*pod["containers"], *pod.get("initContainers", ())):
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "/tmp" in {mount["mountPath"] for mount in one["volumeMounts"]}


def test_a_door_joins_the_cluster_of_the_manifest(objects: tuple[Object, ...]) -> None:
    (node,) = door_pod(objects)["initContainers"]
    name = only(objects, "RayService")["metadata"]["name"]
    assert f"--address={name}-head-svc:6379" in node["command"]
    assert node["restartPolicy"] == "Always"
    (values,) = (
        one["data"]
        for one in objects
        if one["kind"] == "ConfigMap" and "JOINTTRACK_BACKEND" in one["data"]
    )
    settings = {deployment.setting_of(variable): text for variable, text in values.items()}
    assert Settings.model_validate(settings).backend == "ray"


def test_the_network_lets_nodes_talk_to_each_other_alone(objects: tuple[Object, ...]) -> None:
    named = {one["metadata"]["name"]: one for one in objects if one["kind"] == "NetworkPolicy"}
    policy = named["jointtrack-ray"]["spec"]
    members = policy["podSelector"]
    assert policy["ingress"] == [{"from": [{"podSelector": members}]}]
    labels = {
        group["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
        for group in groups(objects)
    }
    labels.add(
        only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"][
            "app.kubernetes.io/name"
        ]
    )
    assert set(members["matchExpressions"][0]["values"]) == labels


def test_the_models_on_a_cluster_and_a_door_before_them(tmp_path: Path) -> None:
    """The head's command and health check, the operator's way to hand over the models, a door that
    joins; with the rights of a pod and a network of its own."""
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(RAY / "serve.yaml", data)
    shutil.copy(PHOTO, data / "photo.jpg")
    (data / "put.py").write_text(OPERATOR_PUT)
    start = ("ray", "start", "--head", "--num-cpus=4", "--disable-usage-stats", "--block")
    with container(data, *start, writable=("/tmp",), **ENVIRONMENT) as running:
        await_health(running)
        put = running.run("python", "/data/put.py", "/data/serve.yaml")
        assert put.stdout.strip() == "200", put.stderr
        door = running.run("bash", "-c", DOOR)
        assert door.returncode == 0, door.stderr
        call = ("jointtrack", "detect", "/data/photo.jpg", "-m", "shoulder_abduction")
        found = running.run(*call, "--format=json")
        assert found.returncode == 0, found.stderr
    (picture,) = map(json.loads, found.stdout.splitlines())
    assert picture["people"]


def await_health(running: Container) -> None:
    probe = f"import urllib.request as u; u.urlopen('{HEALTH}', timeout=5)"
    end_s = time.monotonic() + deployment.LIMIT_S
    while running.run("python", "-c", probe).returncode != 0:
        assert running.process.poll() is None, running.log.read_text()
        assert time.monotonic() < end_s, running.log.read_text()
        time.sleep(0.5)
