import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import pytest

import jointtrack
from jointtrack import (
    AsyncJointTrackAdmin,
    AsyncJointTrackClient,
    JointTrackAdmin,
    JointTrackClient,
)

PUBLIC = {
    "ApiKey",
    "AsyncJointTrackAdmin",
    "AsyncJointTrackClient",
    "AuthenticationError",
    "BoundingBox",
    "ClientCertificate",
    "DeadlineExceededError",
    "DetectResult",
    "Detection",
    "EncodedImage",
    "Extreme",
    "Facing",
    "FieldViolation",
    "Frame",
    "FrameDetection",
    "FrameDropped",
    "FrameError",
    "ImageSize",
    "InvalidRequestError",
    "IssuedKey",
    "JOINT_NAMES",
    "JointTrackAdmin",
    "JointTrackClient",
    "JointTrackError",
    "Keypoint",
    "Limits",
    "MeasureResult",
    "Measurement",
    "MeasurementInfo",
    "MeasurementName",
    "MeasurementSummary",
    "ModelInfo",
    "NoPersonError",
    "NormalRange",
    "Overflow",
    "Person",
    "PersonSummary",
    "PixelFormat",
    "Plan",
    "QuotaExceededError",
    "RateLimitedError",
    "RawImage",
    "Repetition",
    "Scope",
    "SearchMode",
    "ServerError",
    "ServerInfo",
    "Side",
    "SideSummary",
    "SideValue",
    "Smoothing",
    "StreamAnswer",
    "StreamResumed",
    "StreamSummary",
    "SummaryRequest",
    "Timings",
    "UnavailableError",
    "__version__",
    "to_frame",
    "to_rows",
    "video_frames",
}
ASYNC_NAMES = {"__enter__": "__aenter__", "__exit__": "__aexit__"}
CALLS = {"StreamDetect": "stream", "GetServerInfo": "server_info"}
SHELLS = [(JointTrackClient, AsyncJointTrackClient), (JointTrackAdmin, AsyncJointTrackAdmin)]


def _public_methods(shell: type) -> set[str]:
    dunders = {"__init__", *ASYNC_NAMES, *ASYNC_NAMES.values()}
    return {
        name
        for name, _ in inspect.getmembers(shell, inspect.isfunction)
        if not name.startswith("_") or name in dunders
    }


def _parameters(function: Callable[..., object]) -> list[tuple[str, Any, Any, Any]]:
    """All but the type of a stream's frames, which may be asynchronous as well."""
    return [
        (name, parameter.kind, parameter.default, name == "frames" or parameter.annotation)
        for name, parameter in inspect.signature(function).parameters.items()
    ]


def test_public_names_are_frozen() -> None:
    assert set(jointtrack.__all__) == PUBLIC
    assert len(jointtrack.__all__) == len(PUBLIC)
    assert all(hasattr(jointtrack, name) for name in PUBLIC)


def test_version_and_typing_marker_ship() -> None:
    assert jointtrack.__version__ == version("jointtrack")
    assert (files("jointtrack") / "py.typed").is_file()


@pytest.mark.parametrize(("sync", "other"), SHELLS)
def test_both_clients_have_the_same_methods(sync: type, other: type) -> None:
    expected = {ASYNC_NAMES.get(name, name) for name in _public_methods(sync)}
    assert _public_methods(other) == expected


@pytest.mark.parametrize(
    ("sync", "other", "name"),
    [(*shells, name) for shells in SHELLS for name in sorted(_public_methods(shells[0]))],
)
def test_both_clients_have_the_same_parameters(sync: type, other: type, name: str) -> None:
    method = getattr(sync, name)
    awaited = getattr(other, ASYNC_NAMES.get(name, name))
    assert _parameters(method) == _parameters(awaited)
    if name not in ("__enter__", "stream"):
        returns = inspect.signature(method).return_annotation
        assert inspect.signature(awaited).return_annotation == returns
    assert name.startswith("__") or (method.__doc__ and awaited.__doc__)


@pytest.mark.parametrize(
    ("shell", "service"), [(JointTrackClient, "jointtrack"), (JointTrackAdmin, "admin")]
)
def test_every_method_of_the_contract_has_a_call(shell: type, service: str) -> None:
    descriptor = import_module(f"jointtrack.v1.{service}_service_pb2").DESCRIPTOR
    methods = [
        method.name for one in descriptor.services_by_name.values() for method in one.methods
    ]
    calls = {CALLS.get(name, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()) for name in methods}
    assert calls <= _public_methods(shell)


def test_import_needs_no_heavy_or_optional_package() -> None:
    code = (
        "import sys, jointtrack, jointtrack.testing; "
        "print([m for m in ('numpy', 'pandas', 'cv2', 'av', 'typer', 'rich', 'openvino', "
        "'tensorflow', 'jointtrack_server') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
