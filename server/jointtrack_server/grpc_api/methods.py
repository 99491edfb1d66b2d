"""What each method needs, takes and costs: one row a method of the contract,
and channelz, which tells who is connected."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jointtrack_server.access.caller import Scope

_SERVICE = "/jointtrack.v1.JointTrackService/"
_ADMIN = "/jointtrack.v1.AdminService/"
_CHANNELZ = "/grpc.channelz.v1.Channelz/"
_CHANNELZ_NAMES = (
    "GetTopChannels",
    "GetServers",
    "GetServer",
    "GetServerSockets",
    "GetChannel",
    "GetSubchannel",
    "GetSocket",
)


def _nothing(_answer: object) -> bool:
    return False


def _one(_answer: object) -> bool:
    return True


def _a_detection(answer: Any) -> bool:  # noqa: ANN401
    return bool(answer.WhichOneof("outcome") == "detection")


class Method(NamedTuple):
    """``scope`` ``None``: any key. ``is_work``: refused while the workers' queue is full.
    ``counts``: whether this answer counts as a picture."""

    scope: Scope | None
    is_work: bool = False
    counts: Callable[[Any], bool] = _nothing


METHODS: dict[str, Method] = {
    f"{_SERVICE}Detect": Method(Scope.DETECT, is_work=True, counts=_one),
    f"{_SERVICE}StreamDetect": Method(Scope.STREAM, counts=_a_detection),
    f"{_SERVICE}Measure": Method(Scope.DETECT),
    f"{_SERVICE}GetServerInfo": Method(None),
    f"{_ADMIN}CreateKey": Method(Scope.ADMIN),
    f"{_ADMIN}ListKeys": Method(Scope.ADMIN),
    f"{_ADMIN}RevokeKey": Method(Scope.ADMIN),
    f"{_ADMIN}RotateKey": Method(Scope.ADMIN),
    f"{_ADMIN}ListPlans": Method(Scope.ADMIN),
    **{f"{_CHANNELZ}{name}": Method(Scope.ADMIN) for name in _CHANNELZ_NAMES},
}
