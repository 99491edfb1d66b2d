"""The options that every command which calls a server has."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from jointtrack import _channel
from jointtrack._channel import CleartextKeyError
from jointtrack.cli import options, output
from jointtrack.client import JointTrackClient
from jointtrack.tls import ClientCertificate

DEFAULT_TARGET = _channel.DEFAULT_TARGET
DEFAULT_TIMEOUT_S = _channel.DEFAULT_TIMEOUT_S
CONNECT_TIMEOUT_S = 5.0

Target: TypeAlias = Annotated[
    str, typer.Option("--target", envvar=_channel.TARGET_ENV, help="The server, as host:port.")
]
ApiKey: TypeAlias = Annotated[
    str | None, typer.Option("--api-key", envvar=_channel.API_KEY_ENV, help="The API key.")
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
CertFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--cert-file", exists=True, dir_okay=False, help="PEM certificate to show the server."
    ),
]
KeyFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--key-file", exists=True, dir_okay=False, help="PEM private key of --cert-file."),
]
AllowCleartextKey: TypeAlias = Annotated[
    bool,
    typer.Option("--allow-cleartext-key", help="Send the key to other machines without TLS, too."),
]
Timeout: TypeAlias = Annotated[
    float,
    typer.Option("--timeout", min=0.001, callback=options.finite, help="Seconds for one answer."),
]
Local: TypeAlias = Annotated[
    bool, typer.Option("--local", help="Needs no server: runs one inside.")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]

LOCAL_GROUP = "jointtrack.local"
"""The entry point group in which the server offers to run inside a command."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where the server is and how to talk to it."""

    target: str
    api_key: str | None
    tls: bool | None
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    allow_cleartext_key: bool
    timeout_s: float
    server_name: str | None = None

    def open(self) -> JointTrackClient:
        """A client whose server takes calls; UnavailableError if none does within 5 s."""
        if self.tls is False and (self.ca_file or self.cert_file):
            raise typer.BadParameter("--ca-file and --cert-file need TLS: leave out --no-tls.")
        try:
            client = JointTrackClient(
                self.target,
                api_key=self.api_key,
                tls=self.ca_file or self.tls,
                client_certificate=self._certificate(),
                allow_cleartext_key=self.allow_cleartext_key,
                timeout_s=self.timeout_s,
                channel_options=self._channel_options(),
            )
        except CleartextKeyError:
            raise typer.BadParameter(
                f"the API key would go to {self.target} in clear text: leave out --no-tls, or add "
                "--allow-cleartext-key where the network itself is encrypted."
            ) from None
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        client.wait_ready(min(CONNECT_TIMEOUT_S, self.timeout_s))
        return client

    def _channel_options(self) -> dict[str, str | int]:
        return {"grpc.ssl_target_name_override": self.server_name} if self.server_name else {}

    def _certificate(self) -> ClientCertificate | None:
        if self.cert_file and self.key_file:
            return ClientCertificate(self.cert_file, self.key_file)
        if self.cert_file or self.key_file:
            raise typer.BadParameter("--cert-file and --key-file belong together: give both.")
        return None


def local_client(timeout_s: float) -> AbstractContextManager[JointTrackClient]:
    """A client of a server inside this process, which the server extra brings."""
    for offer in entry_points(group=LOCAL_GROUP):
        try:
            client: AbstractContextManager[JointTrackClient] = offer.load()(timeout_s)
        except ImportError:
            break
        return client
    output.fail("--local needs the server: pip install 'jointtrack[server]'")
