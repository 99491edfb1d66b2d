"""The client of JointTrack: joint angles from pictures and video."""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING

__version__ = _version("jointtrack")

if TYPE_CHECKING:
    from jointtrack._public import *  # noqa: F403
    from jointtrack._public import __all__ as __all__
else:

    def __getattr__(name: str) -> object:
        """Imports the client when it is used: the server needs only the stubs below ``v1``."""
        if name == "__all__" or not name.startswith("_"):
            public = _import_module("jointtrack._public")
            globals().update({each: getattr(public, each) for each in public.__all__})
            globals()["__all__"] = public.__all__
            if name in globals():
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
