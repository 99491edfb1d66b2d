"""`jointtrack serve`."""

from pathlib import Path
from typing import Annotated

import typer

from jointtrack.cli.output import fail
from jointtrack_server.cli.shared import DataDir, settings_from
from jointtrack_server.errors import StartupError
from jointtrack_server.serving import run_server


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="gRPC port; 0 takes a free one.")] = None,
    http_port: Annotated[int | None, typer.Option(help="HTTP port; 0 takes a free one.")] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Port for /metrics alone; default the HTTP port.")
    ] = None,
    tls_cert_file: Annotated[
        Path | None, typer.Option(help="PEM certificate chain; both ports then speak TLS.")
    ] = None,
    tls_key_file: Annotated[
        Path | None, typer.Option(help="PEM private key of the certificate.")
    ] = None,
    tls_client_ca_file: Annotated[
        Path | None,
        typer.Option(help="PEM roots; callers must show a client certificate of theirs."),
    ] = None,
    data_dir: DataDir = None,
    engine: Annotated[str | None, typer.Option(help="auto, openvino or tensorflow.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, f32 or bf16.")] = None,
    model_source: Annotated[str | None, typer.Option(help="embedded or tfhub.")] = None,
    backend: Annotated[
        str | None, typer.Option(help="Where the models run: local, or ray for Ray Serve.")
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option(help="Ray cluster to join, host:port or auto; default: one of its own."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(help="Server processes; one that dies is replaced.")
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Ask for no API key; loopback hosts only.")
    ] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow --no-auth on any host.")
    ] = False,
) -> None:
    """Run the server until it is interrupted. Options win over JOINTTRACK_* variables."""
    options: dict[str, object] = {
        "host": host,
        "grpc_port": grpc_port,
        "http_port": http_port,
        "metrics_port": metrics_port,
        "tls_cert_file": tls_cert_file,
        "tls_key_file": tls_key_file,
        "tls_client_ca_file": tls_client_ca_file,
        "data_dir": data_dir,
        "engine": engine,
        "precision": precision,
        "model_source": model_source,
        "backend": backend,
        "ray_address": ray_address,
        "processes": processes,
        "auth": False if no_auth else None,
        "insecure": insecure or None,
    }
    settings = settings_from(options)
    try:
        if settings.processes == 1:
            run_server(settings)
        else:
            from jointtrack_server.supervisor import Supervisor  # noqa: PLC0415

            raise typer.Exit(Supervisor(settings).run())
    except StartupError as error:
        fail(error)
