"""A Ray cluster: one of this process's own, or one that is there."""

import logging
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path

import ray
from ray.exceptions import AuthenticationError, RayError

from jointtrack_server.cpus import available_cpus
from jointtrack_server.distributed.options import ApplicationOptions, share
from jointtrack_server.engines.base import message_lines
from jointtrack_server.engines.catalogue import CATALOGUE
from jointtrack_server.errors import StartupError

_OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Nothing is kept in it: what a step takes and gives goes from process to process."""

_OWN_CLUSTER = {"worker_niceness": 0}
"""Ray's replicas give way to everything else on a machine (15), which here is the door that waits
for them: with 16 callers a replica answered a fifth less."""

_KNOCK_S = 5.0


@dataclass(slots=True)
class _Servers:
    """Those of this process that use the cluster."""

    number: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


_servers = _Servers()


def connect(address: str, options: ApplicationOptions) -> None:
    """Joins the cluster at ``address``, or starts one if that is empty; a further server of this
    process uses the one that is there.

    Raises StartupError saying what to do.
    """
    with _servers.lock:
        if _servers.number == 0:
            _init(address, options)
        _servers.number += 1


def disconnect() -> None:
    """Leaves the cluster with the last server; one that ``connect`` started ends with this."""
    with _servers.lock:
        _servers.number -= 1
        if _servers.number == 0:
            logging.getLogger("ray.serve").setLevel(logging.CRITICAL)  # it goes on asking
            ray.shutdown()


def node_socket() -> Path:
    """The socket of Ray's node on this machine, which takes connections as long as it lives."""
    here = ray.get_runtime_context().get_node_id()
    (node,) = (one for one in ray.nodes() if one["NodeID"] == here)  # type: ignore[no-untyped-call]
    return Path(node["RayletSocketName"])


def is_gone(node: Path) -> bool:
    """Whether nobody listens at the node's socket any more."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(_KNOCK_S)
        try:
            caller.connect(str(node))
        except (TimeoutError, BlockingIOError):  # it has much to do
            return False
        except OSError:
            return True
    return False


def _init(address: str, options: ApplicationOptions) -> None:
    _log_as_we_do()
    try:
        if address:
            _knock(address)
            ray.init(address, configure_logging=False, log_to_driver=False)
        else:
            ray.init(
                "local",
                num_cpus=_cpus_to_offer(options),
                object_store_memory=_OBJECT_STORE_BYTES,
                include_dashboard=False,
                configure_logging=False,
                log_to_driver=False,
                _node_ip_address="127.0.0.1",
                _system_config=_OWN_CLUSTER,
            )
    except (ConnectionError, RuntimeError, ValueError, OSError, AuthenticationError) as error:
        raise _unreachable(address, error) from error


def _knock(address: str) -> None:
    """Ray itself would try for minutes. Raises OSError or ValueError."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("a Ray address is host:port or auto")
    socket.create_connection((host, int(port)), _KNOCK_S).close()


def _cpus_to_offer(options: ApplicationOptions) -> int:
    """This machine's CPUs; more where the settings want more replicas, which then share them."""
    cpus = available_cpus()
    wanted = 0.0
    for spec in CATALOGUE:
        settings = options.of_model(spec)
        replicas = settings.max_replicas or share(settings, cpus, gpus=0.0)
        wanted += settings.cpus * max(replicas, settings.min_replicas)
    return max(cpus, int(wanted + 0.999))


def _log_as_we_do() -> None:
    """Errors of Ray go to our log; its own handlers would write in another format.

    It warns of every replica that is slow to answer; metrics say that better.
    """
    for name in ("ray", "ray.serve"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.ERROR)
        logger.propagate = True
    logging.getLogger("asyncio").addFilter(_no_task_of_ray)


def _no_task_of_ray(record: logging.LogRecord) -> bool:
    """Tasks of Ray's router see that a replica died too, and nobody asks what came of them."""
    return record.exc_info is None or not isinstance(record.exc_info[1], RayError)


def _unreachable(address: str, error: Exception) -> StartupError:
    detail = " ".join(message_lines(error))[:500]
    if "ersion mismatch" in detail:
        return StartupError(
            f"The Ray cluster at {address} runs another version of Ray or Python ({detail}). "
            "Install the cluster's versions here, or this server's on the cluster."
        )
    if isinstance(error, AuthenticationError):
        return StartupError(
            f"The Ray cluster at {address} has a token, and here is none ({error.message}). Set "
            "RAY_AUTH_TOKEN to it, or RAY_AUTH_TOKEN_PATH to a file that holds it."
        )
    if not address:
        return StartupError(
            f"Ray could not be started ({detail}). Free memory or room in /tmp, or give "
            "--ray-address of a cluster that runs."
        )
    return StartupError(
        f"There is no Ray cluster to join at {address} ({detail}). This machine must be one of its "
        f'nodes: run "ray start --address=HOST:PORT --num-cpus=0" here and give --ray-address '
        "auto, or leave --ray-address out to start a cluster here. If the cluster has a token, set "
        "RAY_AUTH_MODE=token and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH."
    )
