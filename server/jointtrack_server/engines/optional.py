"""Packages that come with an extra: imported when used, missed with a hint."""

import importlib
from types import ModuleType

from jointtrack_server.errors import StartupError


def import_with_extra(module: str, *, extra: str) -> ModuleType:
    """Import a module that needs the packages of ``jointtrack[extra]``.

    Raises StartupError with the pip command if a package is missing.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise StartupError(
            f"The package {error.name} is missing. Install it: pip install 'jointtrack[{extra}]'"
        ) from error
