"""One server process, from its settings to its end."""

import asyncio
import gc
import logging
import os
import signal
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from jointtrack_server.engines.memory import share_arenas
from jointtrack_server.errors import StartupError
from jointtrack_server.event_loop import new_event_loop
from jointtrack_server.observability.logs import configure_logging
from jointtrack_server.service_manager import tell_ready
from jointtrack_server.settings import Settings, misspelt_variables

if TYPE_CHECKING:
    from jointtrack_server.observability.shared import SharedCounts
    from jointtrack_server.pipeline.models import LoadedModels

_LOG = logging.getLogger(__name__)

_LOOK_S = 1.0
"""How often a server looks whether what runs its models is still there."""


def run_server(
    settings: Settings, *, announce: bool = True, shared: "SharedCounts | None" = None
) -> None:
    """Serves until SIGINT or SIGTERM.

    ``announce`` makes the first API key, and prints it with the addresses and calls to try;
    ``shared`` is where several server processes count together.

    Raises StartupError.
    """
    share_arenas()
    # What imports make is no garbage; to look for it takes a tenth of the start.
    gc.disable()
    configure_logging(settings.log_level, settings.log_format)
    if announce:
        for name, meant in misspelt_variables(os.environ).items():
            _LOG.warning("%s is no setting and sets nothing: %s is one", name, meant)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings, announce, shared))


async def _serve(settings: Settings, announce: bool, shared: "SharedCounts | None") -> None:
    from jointtrack_server.pipeline.models import load_models  # noqa: PLC0415  # slow to import

    stopping = asyncio.Event()
    _stop_on_signals(stopping)
    # The models take the second core while Python imports the doors.
    loading = asyncio.create_task(asyncio.to_thread(load_models, settings))
    await asyncio.sleep(0)
    from jointtrack_server.app import build  # noqa: PLC0415
    from jointtrack_server.banner import banner  # noqa: PLC0415

    if settings.auth:
        import_module("jointtrack_server.access.key_gate")  # for ``build``

    models = await loading
    _stop_on_signals(stopping)  # Ray has put a handler of its own in place
    app = await build(settings, models, makes_first_key=announce, shared=shared)
    await app.start()
    gc.freeze()  # and never to be looked at again
    gc.enable()
    if announce:
        print(banner(app), flush=True)
        tell_ready()
    is_lost = await _stopped_or_lost(stopping, models)
    _LOG.info("stopping: requests under way may end")
    await app.stop()
    if is_lost:
        raise StartupError("Ray's node on this machine is gone. Start it and the server again.")


async def _stopped_or_lost(stopping: asyncio.Event, models: "LoadedModels") -> bool:
    """Waits for either; whether the models were lost."""
    if models.is_lost is None:
        await stopping.wait()
        return False
    while not stopping.is_set():
        if await asyncio.to_thread(models.is_lost):
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _LOOK_S)
    return False


def _stop_on_signals(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stopping.set)
