"""What Ray reads from the environment when it is imported."""

import importlib
import os
import secrets
import sys
from collections.abc import Mapping

_QUIET: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # or a late call would start another cluster at the end
    "RAY_SERVE_LOG_TO_STDERR": "0",
    "RAY_SERVE_ENABLE_TASK_EVENTS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def prepare(address: str) -> None:
    """To be called before anything imports Ray; what the operator has set stays.

    Ray listens on every interface of the machine. A cluster of our own, where ``address`` is empty,
    takes orders from those alone who have its token, which nobody is told.
    """
    # OpenCV puts sys.path back at the end of its import, which would undo what Ray adds to it.
    importlib.import_module("cv2")
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if not address and "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
