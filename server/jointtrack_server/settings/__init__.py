"""Every setting of the server, read once at the edge from JOINTTRACK_* variables and the CLI.

A new one goes where it belongs: into one of the modules beside this one.
"""

import os
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from pydantic import model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from jointtrack_server.settings.access import AccessSettings
from jointtrack_server.settings.doors import DoorSettings
from jointtrack_server.settings.engine import EngineSettings
from jointtrack_server.settings.fetching import FetchSettings
from jointtrack_server.settings.limits import LimitSettings
from jointtrack_server.settings.observability import ObservabilitySettings
from jointtrack_server.settings.scaling import ScalingSettings

VARIABLE_PREFIX = "JOINTTRACK_"

_SIMILAR = 0.8
"""As difflib counts: a letter or a word is wrong. Variables of others are further away, such as
those that Kubernetes makes for a Service of the same name."""


class Settings(
    ObservabilitySettings,
    FetchSettings,
    LimitSettings,
    ScalingSettings,
    EngineSettings,
    AccessSettings,
    DoorSettings,
    BaseSettings,
):
    """Frozen; each field is set by the variable JOINTTRACK_<NAME>; an empty one counts as unset."""

    model_config = SettingsConfigDict(
        env_prefix=VARIABLE_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        protected_namespaces=(),
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then variables, then the files of ``secrets_dir`` if that is a folder."""
        folder = os.environ.get(f"{VARIABLE_PREFIX}SECRETS_DIR")
        if not folder or not Path(folder).is_dir():
            return init_settings, env_settings
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, folder)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @model_validator(mode="after")
    def _whole_tls(self) -> "Settings":
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError(
                "TLS needs both a certificate and its private key: give --tls-cert-file and "
                "--tls-key-file, or neither."
            )
        if self.tls_client_ca_file is not None and self.tls_cert_file is None:
            raise ValueError(
                "Client certificates need TLS: give --tls-cert-file and --tls-key-file as well, "
                "or leave out --tls-client-ca-file."
            )
        return self

    @model_validator(mode="after")
    def _no_open_door_by_accident(self) -> "Settings":
        if not self.auth and not self.is_loopback and not self.insecure:
            raise ValueError(
                f"Without API keys the server listens on loopback only, but host is {self.host}. "
                "Keep the keys, use host 127.0.0.1, or give --insecure as well."
            )
        return self

    @model_validator(mode="after")
    def _one_cluster(self) -> "Settings":
        if self.backend == "ray" and self.processes > 1 and not self.ray_address:
            raise ValueError(
                "Several processes would each start a Ray cluster of its own: start one with "
                '"ray start --head" and give --ray-address auto, or leave out --processes.'
            )
        return self


def variable_of(name: str) -> str:
    """The environment variable that sets a field."""
    alias = Settings.model_fields[name].validation_alias
    return str(alias) if alias else f"{VARIABLE_PREFIX}{name.upper()}"


def misspelt_variables(names: Iterable[str]) -> dict[str, str]:
    """Those of ``names`` that set nothing but look as if they should, and the variable that each
    was probably meant to be."""
    meant = {name.upper(): variable_of(name) for name in Settings.model_fields}
    own = [name for name in names if name.startswith(VARIABLE_PREFIX)]
    unknown = [name for name in own if name not in meant.values()]
    if not unknown:
        return {}
    from difflib import get_close_matches  # noqa: PLC0415  # hardly ever needed

    found = {
        name: get_close_matches(name.removeprefix(VARIABLE_PREFIX), meant, n=1, cutoff=_SIMILAR)
        for name in unknown
    }
    return {name: meant[near[0]] for name, near in found.items() if near}
