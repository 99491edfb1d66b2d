"""What a started server says of itself, with commands that work as printed."""

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from jointtrack_server.app import Application

SAMPLE = Path(__file__).parent / "samples" / "arms_out_front.jpg"

_KEY_VARIABLE = "JOINTTRACK_API_KEY"
_CLIENT_CERTIFICATE, _CLIENT_KEY = "client.pem", "client-key.pem"


@dataclass(frozen=True, slots=True)
class _Addresses:
    """As a caller on this machine writes them. Over TLS, ``name`` is the one that the certificate
    is for, where that is another than the host's."""

    http: str
    grpc: str
    name: str | None = None


def banner(app: Application) -> str:
    """Addresses, engine, the first API key if one was made, a curl and a Python call."""
    engine = app.models.engine
    at = _addresses(app)
    tls = " over TLS" if app.tls else ""
    lines = [
        f"JointTrack serves gRPC on {at.grpc}{tls} and HTTP on {at.http}",
        f"Engine: {engine.name} on {engine.device}, {engine.precision}: {engine.reason}",
    ]
    if app.settings.page:
        lines.append(f"Page to try it: {at.http}/")
    if app.settings.docs:
        lines.append(f"API description: {at.http}/docs")
    if app.metrics_door is not None:
        host = at.http.rpartition(":")[0]
        lines.append(f"Metrics on {host}:{app.metrics_door.port}/metrics")
    key = _key(app)
    if app.first_key:
        lines.append(f"API key, shown this once (only its hash is kept): {app.first_key}")
    lines += ["", "Try it from another terminal:", ""]
    if key == f"${_KEY_VARIABLE}":
        lines += [f"export {_KEY_VARIABLE}=$({_make_key(app)})", ""]
    if app.tls and app.tls.asks_for_certificates:
        files = f"{_CLIENT_CERTIFICATE} and {_CLIENT_KEY}"
        lines += [f"# {files} stand for your client certificate and its key.", ""]
    lines += [_curl(app, at, key), "", _python(app, at, key), ""]
    return "\n".join(lines)


def _addresses(app: Application) -> _Addresses:
    host = app.settings.host
    if host in {"0.0.0.0", "::"}:  # noqa: S104  # compared with, not bound to
        host = "127.0.0.1"
    name = None
    if app.tls:
        names = app.tls.identity.names
        if host == "127.0.0.1" and host not in names and "localhost" in names:
            host = "localhost"
        if names and host not in names:
            name = names[0].replace("*", "jointtrack")
    in_url = f"[{host}]" if ":" in host else host
    scheme = "https" if app.tls else "http"
    return _Addresses(
        f"{scheme}://{in_url}:{app.http_door.port}", f"{in_url}:{app.grpc_door.port}", name
    )


def _key(app: Application) -> str | None:
    if app.keys is None:
        return None
    return app.first_key or f"${_KEY_VARIABLE}"


def _make_key(app: Application) -> str:
    command = [_shown(Path(sys.executable).parent / "jointtrack"), "keys", "create"]
    command += ["--name", "me", "--quiet", "--data-dir", _shown(app.settings.data_dir)]
    return shlex.join(command)


def _curl(app: Application, at: _Addresses, key: str | None) -> str:
    header = f' -H "X-API-Key: {key}"' if key else ""
    http, options = at.http, ""
    if app.settings.tls_cert_file:
        options += f" --cacert {shlex.quote(_shown(app.settings.tls_cert_file))}"
    if app.settings.tls_client_ca_file:
        options += f" --cert {_CLIENT_CERTIFICATE} --key {_CLIENT_KEY}"
    if at.name:
        http = f"https://{at.name}:{app.http_door.port}"
        options += f" --connect-to ::{at.http.removeprefix('https://')}"
    return (
        f"curl -sS -o answer.json -w '%{{http_code}} answer.json\\n'{options}{header} "
        f"-F image=@{shlex.quote(_shown(SAMPLE))} -F measurement=shoulder_abduction "
        f"{http}/jointtrack/v1/detect"
    )


def _python(app: Application, at: _Addresses, key: str | None) -> str:
    names, arguments = "JointTrackClient", [f'"{at.grpc}"']
    if key:
        arguments.append(f'api_key="{key}"')
    if app.settings.tls_cert_file:
        arguments.append(f'tls="{_shown(app.settings.tls_cert_file)}"')
    if app.settings.tls_client_ca_file:
        names += ", ClientCertificate"
        certificate = f'ClientCertificate("{_CLIENT_CERTIFICATE}", "{_CLIENT_KEY}")'
        arguments.append(f"client_certificate={certificate}")
    if at.name:
        arguments.append(f'channel_options={{"grpc.ssl_target_name_override": "{at.name}"}}')
    return f"""{shlex.quote(_shown(Path(sys.executable)))} - <<EOF
from jointtrack import {names}

with JointTrackClient({", ".join(arguments)}) as client:
    result = client.detect("{_shown(SAMPLE)}", ["shoulder_abduction"], include_overlays=True)
    angle = result.person.angle("shoulder_abduction")
    print(f"left {{angle.left:.0f}}°, right {{angle.right:.0f}}°")
    angle.overlay.save("overlay.jpg")
EOF"""


def _shown(path: Path) -> str:
    """Relative to the current folder where it lies below it; links are not followed."""
    path, here = Path(os.path.abspath(path)), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
