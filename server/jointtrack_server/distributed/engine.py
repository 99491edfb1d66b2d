"""The models of a server that runs them on Ray Serve."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ray import serve
from ray.exceptions import RayError, RayTaskError

from jointtrack_server.distributed import cluster
from jointtrack_server.distributed.application import ensure_running
from jointtrack_server.distributed.model import RemoteModel
from jointtrack_server.distributed.options import APPLICATION, ApplicationOptions, check_names
from jointtrack_server.distributed.serve_app import ReplicaInfo
from jointtrack_server.engines.catalogue import CATALOGUE, ModelSpec, find_spec
from jointtrack_server.engines.sources import origin_of
from jointtrack_server.errors import StartupError
from jointtrack_server.settings import Settings

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RemoteEngine:
    """See ``EngineInfo``; what a replica says of itself."""

    name: str
    device: str
    precision: str
    reason: str


@dataclass(frozen=True, slots=True)
class RemoteModels:
    """The models of the application on the cluster."""

    engine: RemoteEngine
    models: Mapping[ModelSpec, RemoteModel]
    origins: Mapping[ModelSpec, str]
    node: Path

    def is_lost(self) -> bool:
        """Whether Ray's node on this machine is gone, and with it the way to any replica."""
        return cluster.is_gone(self.node)


def connect_models(settings: Settings) -> RemoteModels:
    """Joins or starts the cluster and deploys the application if it is not there.

    Returns once its replicas are ready. One that is there is used as it is.
    Raises StartupError.
    """
    options = ApplicationOptions.of(settings)
    check_names(options)
    cluster.connect(settings.ray_address, options)
    try:
        ensure_running(options, settings.ray_start_s, is_own_cluster=not settings.ray_address)
        info = _info(settings.ray_start_s)
        node = cluster.node_socket()
    except StartupError:
        disconnect()
        raise
    except RayError as error:
        disconnect()
        raise StartupError(f"The Ray cluster went away ({error}). Start again.") from error
    if ignored := _ignored(settings, info):
        _LOG.warning(
            "the models on the cluster stay as they were deployed, which is not as this server's "
            "settings have them: %s",
            "; ".join(ignored),
        )
    engine = RemoteEngine(
        info.engine, info.device, info.precision, f"{info.reason}; on replicas of Ray Serve"
    )
    models = {
        spec: RemoteModel(
            spec, serve.get_deployment_handle(spec.name, APPLICATION), settings.ray_step_s
        )
        for spec in CATALOGUE
    }
    return RemoteModels(engine, models, {spec: info.origins[spec.name] for spec in CATALOGUE}, node)


def disconnect() -> None:
    """Leaves the cluster; one that was started for this server ends."""
    cluster.disconnect()


def _info(wait_s: float) -> ReplicaInfo:
    """What a replica of the default model says.

    Raises StartupError if it is of another version, or does not answer.
    """
    try:
        handle = serve.get_deployment_handle(find_spec().name, APPLICATION)
        info: ReplicaInfo = handle.options(method_name="info").remote().result(timeout_s=wait_s)
    except (KeyError, RayTaskError) as error:
        raise StartupError(
            f"The application {APPLICATION} on the cluster is not of this version of jointtrack "
            f"({version('jointtrack')}). {_SAME_VERSION}"
        ) from error
    except TimeoutError as error:
        raise StartupError(
            f"No replica answered within {wait_s:g} s. Start again when they have less to do, or "
            "wait longer (JOINTTRACK_RAY_START_S)."
        ) from error
    here = _described(version("jointtrack"), {spec.name: spec.version for spec in CATALOGUE})
    there = _described(info.server_version, info.versions)
    if here != there:
        raise StartupError(
            f"The replicas on the cluster are {there}; this server is {here}. {_SAME_VERSION}"
        )
    return info


_SAME_VERSION = (
    "Install one version on this machine and on the cluster's, and deploy the application again."
)


def _described(server_version: str, models: Mapping[str, str]) -> str:
    listed = ", ".join(f"{name} {of_model}" for name, of_model in sorted(models.items()))
    return f"jointtrack {server_version} with {listed}"


def _ignored(settings: Settings, info: ReplicaInfo) -> list[str]:
    """What the operator has asked for and the replicas do not have."""
    asked = {"engine": settings.engine, "precision": settings.precision}
    differing = [
        f"{name} is {getattr(info, name)}, not {value}"
        for name, value in asked.items()
        if value not in ("auto", getattr(info, name))
    ]
    if settings.model_fields_set & {"model_source", "model_paths"}:
        for spec in CATALOGUE:
            origin = origin_of(spec, settings.model_source, settings.model_paths)
            if info.origins[spec.name] != origin:
                differing.append(f"{spec.name} is from {info.origins[spec.name]}, not {origin}")
    for name, replicas in settings.ray_models.items():
        differing += [
            f"{name} has {field} {there}, not {wanted}"
            for field, wanted in replicas.model_dump(exclude_unset=True).items()
            if (there := getattr(info.models[name], field)) != wanted
        ]
    return differing
