"""The application on the cluster: found there, or deployed; and ready before a door opens."""

import re
import time

from ray import serve
from ray.serve.config import ProxyLocation
from ray.serve.schema import ApplicationStatus, ApplicationStatusOverview

from jointtrack_server.distributed.options import APPLICATION, ApplicationOptions
from jointtrack_server.distributed.serve_app import QUIET, build
from jointtrack_server.errors import StartupError

_POLL_S = 0.1


def ensure_running(options: ApplicationOptions, start_s: float, *, is_own_cluster: bool) -> None:
    """Returns once the replicas that must be there are; deploys them if nobody has.

    Raises StartupError with the cause where they cannot start, or do not within ``start_s``. What
    this call has deployed and cannot start is taken away: other settings then get their chance.
    What finds no room stays: a cluster that grows may have some by the next start.
    """
    end_s = time.monotonic() + start_s
    serve.start(proxy_location=ProxyLocation.Disabled, logging_config=QUIET)
    is_ours = _found() is None
    if is_ours:
        target = serve.RunTarget(build(options), name=APPLICATION, route_prefix=None)
        serve.run_many(
            [target],
            wait_for_ingress_deployment_creation=False,
            wait_for_applications_running=False,
        )
    while not _is_running(found := _found()):
        if found is not None and found.status == ApplicationStatus.DEPLOY_FAILED:
            if is_ours:
                serve.delete(APPLICATION, _blocking=False)
            raise StartupError(f"The replicas cannot start: {_state(found)}")
        if time.monotonic() > end_s:
            raise StartupError(
                f"The replicas were not there after {start_s:g} s: {_state(found)}. Give the "
                "cluster more CPUs or memory, wait longer (JOINTTRACK_RAY_START_S), or "
                + ("" if is_own_cluster else 'end the application with "serve shutdown" and ')
                + "ask for fewer replicas (JOINTTRACK_RAY_MODELS)."
            )
        time.sleep(_POLL_S)


def _found() -> ApplicationStatusOverview | None:
    found = serve.status().applications.get(APPLICATION)
    if found is None or found.status == ApplicationStatus.DELETING:
        return None
    return found


def _is_running(found: ApplicationStatusOverview | None) -> bool:
    return found is not None and found.status == ApplicationStatus.RUNNING


def _state(found: ApplicationStatusOverview | None) -> str:
    """What a replica said, or the state of those that are not well."""
    if found is None:
        return "the application is not on the cluster"
    texts = [found.message, *(one.message for one in found.deployments.values())]
    for text in texts:
        if said := re.search(r"StartupError: (.+)", text):
            return said[1].strip()
    unwell = [
        f"{name} is {one.status.value.lower()} ({' '.join(one.message.split())[:300]})"
        for name, one in found.deployments.items()
        if one.status.value != "HEALTHY"
    ]
    return "; ".join(unwell) or found.status.value.lower()
