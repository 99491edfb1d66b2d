"""What a started server says of itself, with commands that work as printed."""

import os
import shlex
import sys
from pathlib import Path

from jointtrack_server.app import Application

SAMPLE = Path(__file__).parent / "samples" / "arms_out_front.jpg"

_KEY_VARIABLE = "JOINTTRACK_API_KEY"


def banner(app: Application) -> str:
    """Addresses, engine, the first API key if one was made, a curl and a Python call."""
    host = app.settings.host
    engine = app.models.engine
    http = f"http://{_in_url(host)}:{app.http_door.port}"
    grpc = f"{_in_url(host)}:{app.grpc_door.port}"
    lines = [
        f"JointTrack serves gRPC on {grpc} and HTTP on {http} (API description: {http}/docs)",
        f"Engine: {engine.name} on {engine.device}, {engine.precision}: {engine.reason}",
    ]
    key = _key(app)
    if app.first_key:
        lines.append(f"API key, shown this once (only its hash is kept): {app.first_key}")
    lines += ["", "Try it from another terminal:", ""]
    if key == f"${_KEY_VARIABLE}":
        lines += [f"export {_KEY_VARIABLE}=$({_make_key(app)})", ""]
    lines += [_curl(http, key), "", _python(grpc, key), ""]
    return "\n".join(lines)


def _in_url(host: str) -> str:
    """The host as a caller on this machine writes it."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  # compared with, not bound to
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _key(app: Application) -> str | None:
    if app.keys is None:
        return None
    return app.first_key or f"${_KEY_VARIABLE}"


def _make_key(app: Application) -> str:
    command = [_shown(Path(sys.executable).parent / "jointtrack"), "keys", "create"]
    command += ["--name", "me", "--quiet", "--data-dir", _shown(app.settings.data_dir)]
    return shlex.join(command)


def _curl(http: str, key: str | None) -> str:
    header = f' -H "X-API-Key: {key}"' if key else ""
    return (
        f"curl -sS -o answer.json -w '%{{http_code}} answer.json\\n'{header} "
        f"-F image=@{shlex.quote(_shown(SAMPLE))} -F measurement=shoulder_abduction "
        f"{http}/jointtrack/v1/detect"
    )


def _python(grpc: str, key: str | None) -> str:
    api_key = f', api_key="{key}"' if key else ""
    return f"""{shlex.quote(_shown(Path(sys.executable)))} - <<EOF
from jointtrack import JointTrackClient

with JointTrackClient("{grpc}"{api_key}) as client:
    result = client.detect("{_shown(SAMPLE)}", ["shoulder_abduction"], include_overlays=True)
    angle = result.person.angle("shoulder_abduction")
    print(f"left {{angle.left:.0f}}°, right {{angle.right:.0f}}°")
    angle.overlay.save("overlay.jpg")
EOF"""


def _shown(path: Path) -> str:
    """Relative to the current folder where it lies below it; links are not followed."""
    path, here = Path(os.path.abspath(path)), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
