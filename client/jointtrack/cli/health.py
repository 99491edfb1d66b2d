"""``jointtrack health``."""

from typing import Annotated

import typer

from jointtrack.cli import connect, output
from jointtrack.errors import JointTrackError

DEFAULT_TIMEOUT_S = 3.0

ServerName = Annotated[
    str | None,
    typer.Option(
        "--server-name", help="The name in the server's certificate, where it is not the target's."
    ),
]


def health(
    *,
    target: connect.Target = connect.DEFAULT_TARGET,
    tls: connect.Tls = None,
    ca_file: connect.CaFile = None,
    cert_file: connect.CertFile = None,
    key_file: connect.KeyFile = None,
    server_name: ServerName = None,
    timeout: connect.Timeout = DEFAULT_TIMEOUT_S,
) -> None:
    """Ask grpc.health.v1 whether the server takes calls: exit code 0, or 1 with the reason."""
    server = connect.ServerOptions(
        target=target,
        api_key=None,
        tls=tls,
        ca_file=ca_file,
        cert_file=cert_file,
        key_file=key_file,
        allow_cleartext_key=False,
        timeout_s=timeout,
        server_name=server_name,
    )
    try:
        server.open().close()
    except JointTrackError as error:
        output.fail(error)
    typer.echo(f"{target} takes calls")
