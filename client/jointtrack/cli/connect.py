"""The options that every command which calls a server has."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from jointtrack.client import JointTrackClient

CONNECT_TIMEOUT_S = 5.0

Target: TypeAlias = Annotated[
    str, typer.Option("--target", envvar="JOINTTRACK_TARGET", help="The server, as host:port.")
]
ApiKey: TypeAlias = Annotated[
    str | None, typer.Option("--api-key", envvar="JOINTTRACK_API_KEY", help="The API key.")
]
Tls: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--tls/--no-tls", help="Default: TLS, except to this machine.", show_default=False
    ),
]
CaFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--ca-file", exists=True, dir_okay=False, help="PEM root certificates for TLS."),
]
Timeout: TypeAlias = Annotated[
    float, typer.Option("--timeout", min=0.001, help="Seconds for one answer.")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_TARGET = "localhost:50051"
DEFAULT_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where the server is and how to talk to it."""

    target: str
    api_key: str | None
    tls: bool | None
    ca_file: Path | None
    timeout_s: float

    def open(self) -> JointTrackClient:
        """A client whose server takes calls; UnavailableError if none does within 5 s."""
        if self.ca_file is not None and self.tls is False:
            raise typer.BadParameter("--ca-file needs TLS: leave out --no-tls.")
        client = JointTrackClient(
            self.target,
            api_key=self.api_key,
            tls=self.ca_file.read_bytes() if self.ca_file else self.tls,
            timeout_s=self.timeout_s,
        )
        client.wait_ready(min(CONNECT_TIMEOUT_S, self.timeout_s))
        return client
