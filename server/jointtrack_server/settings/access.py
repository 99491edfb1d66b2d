"""Who may come in, and where keys are kept."""

import os
from pathlib import Path

from pydantic import BaseModel, DirectoryPath, Field, SecretStr


def _default_data_dir() -> Path:
    """The XDG data directory (freedesktop.org Base Directory Specification)."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "jointtrack"


class AccessSettings(BaseModel):
    """A part of ``Settings``."""

    data_dir: Path = Field(
        default_factory=_default_data_dir, description="Folder of the API key store."
    )
    store_url: SecretStr | None = Field(
        default=None,
        description="Database of keys, plans and usage that servers share, as an SQLAlchemy URL "
        "such as postgresql+psycopg://user:password@host/name; default a file in the data folder.",
    )
    first_key: SecretStr | None = Field(
        default=None,
        description="Text of the first API key, for a store without keys; default one that the "
        "server makes and prints.",
    )
    secrets_dir: DirectoryPath | None = Field(
        default=None,
        description="Folder of files that hold settings and are called as their variables, in "
        "small letters, such as jointtrack_store_url. Variables win over files.",
    )
    auth: bool = Field(default=True, description="Ask for an API key.")
    insecure: bool = Field(
        default=False, description="Allow auth=false on other than a loopback host."
    )
