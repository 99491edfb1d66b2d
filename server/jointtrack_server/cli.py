"""The commands that need the server: `jointtrack serve`, `keys` and `models`.

The client's command line finds them by entry point (group "jointtrack.commands").
"""

import asyncio
import logging
import signal
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError
from rich.console import Console

from jointtrack_server.access.keys import KeyStore
from jointtrack_server.errors import StartupError
from jointtrack_server.event_loop import new_event_loop
from jointtrack_server.settings import VARIABLE_PREFIX, Settings

_ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)

_MINUTE = "%Y-%m-%d %H:%M"

DataDir = Annotated[
    Path | None, typer.Option(help="Folder of the key store. [env: JOINTTRACK_DATA_DIR]")
]


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="gRPC port; 0 takes a free one.")] = None,
    http_port: Annotated[int | None, typer.Option(help="HTTP port; 0 takes a free one.")] = None,
    data_dir: DataDir = None,
    engine: Annotated[str | None, typer.Option(help="auto, openvino or tensorflow.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, f32 or bf16.")] = None,
    model_source: Annotated[str | None, typer.Option(help="embedded or tfhub.")] = None,
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
        "data_dir": data_dir,
        "engine": engine,
        "precision": precision,
        "model_source": model_source,
        "auth": False if no_auth else None,
        "insecure": insecure or None,
    }
    settings = _settings(options)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_serve(settings))
    except StartupError as error:
        _fail(str(error))


async def _serve(settings: Settings) -> None:
    from jointtrack_server.pipeline.models import load_models  # noqa: PLC0415  # slow to import

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stopping.set)
    # The models take the second core while Python imports the doors.
    loading = asyncio.create_task(asyncio.to_thread(load_models, settings))
    await asyncio.sleep(0)
    from jointtrack_server.app import build  # noqa: PLC0415
    from jointtrack_server.banner import banner  # noqa: PLC0415

    app = await build(settings, await loading)
    await app.start()
    print(banner(app), flush=True)
    await stopping.wait()
    _ERRORS.print("Stopping: requests under way may end.")
    await app.stop()


keys = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@keys.command("create")
def keys_create(
    *,
    name: Annotated[str, typer.Option(help="Who or what the key is for.")],
    data_dir: DataDir = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print the key alone, for scripts.")
    ] = False,
) -> None:
    """Make a key and print it, once: only its hash is kept. A running server takes it at once."""
    with _store(data_dir) as store:
        text, key = store.create(name)
    if quiet:
        print(text)
        return
    print(f"{text}\n\nKey {key.id} for {key.name}. Keep it now: it cannot be shown again.")


@keys.command("list")
def keys_list(data_dir: DataDir = None) -> None:
    """List all keys, revoked ones too."""
    with _store(data_dir) as store:
        rows = [
            (key.id, _moment(key.created_at), _moment(key.revoked_at), key.name)
            for key in store.list()
        ]
    _print_columns(("ID", "MADE (UTC)", "REVOKED (UTC)", "NAME"), *rows)


@keys.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="The ID that `keys list` shows.")],
    data_dir: DataDir = None,
) -> None:
    """End a key. A running server refuses it at once."""
    with _store(data_dir) as store:
        revoked = store.revoke(key_id)
    if not revoked:
        _fail(f'There is no valid key "{key_id}". `jointtrack keys list` shows them all.')
    print(f"Key {key_id} is revoked.")


def models() -> None:
    """List the models, their versions and TensorFlow Hub handles."""
    from jointtrack_server.engines.catalogue import CATALOGUE  # noqa: PLC0415

    rows = [
        (
            f"{spec.name} (default)" if spec.is_default else spec.name,
            spec.version,
            f"{spec.input_size_px} px",
            str(spec.max_people),
            spec.tfhub_handle,
        )
        for spec in CATALOGUE
    ]
    _print_columns(("MODEL", "VERSION", "INPUT", "PEOPLE", "TENSORFLOW HUB"), *rows)


def _print_columns(*rows: tuple[str, ...]) -> None:
    """Plain text, never cut or folded, so that it can be searched and copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _moment(moment: datetime | None) -> str:
    return f"{moment:{_MINUTE}}" if moment else ""


def _store(data_dir: Path | None) -> closing[KeyStore]:
    try:
        return closing(KeyStore(_settings({"data_dir": data_dir}).data_dir))
    except StartupError as error:
        _fail(str(error))


def _settings(options: dict[str, object]) -> Settings:
    """The options given, then the environment, then the defaults."""
    try:
        return Settings(**{key: value for key, value in options.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        _fail("; ".join(_problem(one) for one in error.errors()))
    except SettingsError as error:
        _fail(f"A {VARIABLE_PREFIX} variable does not hold JSON: {error}: {error.__cause__}")


def _problem(error: ErrorDetails) -> str:
    """One setting's fault, by the name of its variable; or what is wrong with them together."""
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = ".".join(map(str, error["loc"])).upper()
    return f"{VARIABLE_PREFIX}{name} (or its option) is {error['input']!r}: {message}"


def _fail(message: str) -> NoReturn:
    _ERRORS.print(f"jointtrack: {message}", markup=False)
    raise typer.Exit(1)
