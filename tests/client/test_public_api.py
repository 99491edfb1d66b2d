import inspect
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import pytest

import jointtrack
from jointtrack import AsyncJointTrackClient, JointTrackClient

PUBLIC = {
    "AsyncJointTrackClient",
    "AuthenticationError",
    "BoundingBox",
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
    "JOINT_NAMES",
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
    "RawImage",
    "Repetition",
    "SearchMode",
    "ServerError",
    "ServerInfo",
    "Side",
    "SideSummary",
    "SideValue",
    "Smoothing",
    "StreamAnswer",
    "StreamSummary",
    "SummaryRequest",
    "Timings",
    "UnavailableError",
    "__version__",
    "video_frames",
}
ASYNC_NAMES = {"__enter__": "__aenter__", "__exit__": "__aexit__"}


def _public_methods(shell: type) -> set[str]:
    dunders = {"__init__", *ASYNC_NAMES, *ASYNC_NAMES.values()}
    return {
        name
        for name, _ in inspect.getmembers(shell, inspect.isfunction)
        if not name.startswith("_") or name in dunders
    }


def _parameters(function: Callable[..., object]) -> list[tuple[str, Any, Any]]:
    return [
        (name, parameter.kind, parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
    ]


def test_public_names_are_frozen() -> None:
    assert set(jointtrack.__all__) == PUBLIC
    assert len(jointtrack.__all__) == len(PUBLIC)
    assert all(hasattr(jointtrack, name) for name in PUBLIC)


def test_version_and_typing_marker_ship() -> None:
    assert jointtrack.__version__ == version("jointtrack")
    assert (files("jointtrack") / "py.typed").is_file()


def test_both_clients_have_the_same_methods() -> None:
    expected = {ASYNC_NAMES.get(name, name) for name in _public_methods(JointTrackClient)}
    assert _public_methods(AsyncJointTrackClient) == expected


@pytest.mark.parametrize("name", sorted(_public_methods(JointTrackClient)))
def test_both_clients_have_the_same_parameters(name: str) -> None:
    sync = getattr(JointTrackClient, name)
    other = getattr(AsyncJointTrackClient, ASYNC_NAMES.get(name, name))
    assert _parameters(sync) == _parameters(other)
    assert name.startswith("__") or (sync.__doc__ and other.__doc__)


def test_import_needs_no_heavy_or_optional_package() -> None:
    code = (
        "import sys, jointtrack, jointtrack.testing; "
        "print([m for m in ('numpy', 'cv2', 'av', 'typer', 'rich', 'openvino', 'tensorflow', "
        "'jointtrack_server') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
