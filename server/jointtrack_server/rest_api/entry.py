"""Who comes in by HTTP, with a request or a live connection."""

from starlette.requests import HTTPConnection

from jointtrack_server.access.caller import Caller, Scope
from jointtrack_server.access.gate import Gate
from jointtrack_server.observability.observer import ObservedRequest
from jointtrack_server.pipeline.runner import OWNER


async def enter(
    gate: Gate, connection: HTTPConnection, observed: ObservedRequest, key: str | None, scope: Scope
) -> Caller:
    """The caller, by the key or else the client certificate, whose work it is from now on.

    Raises JointTrackError as ``Gate.enter``.
    """
    tls = connection.scope.get("extensions", {}).get("tls", {})
    caller = await gate.enter(key, tls.get("client_cert_names", ()), scope)
    OWNER.set(caller.key_id)
    observed.key_id = caller.key_id
    return caller
