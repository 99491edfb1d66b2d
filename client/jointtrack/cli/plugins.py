"""The commands, each loaded when it runs; those of other packages are found by entry point."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from jointtrack.cli.output import fail

ENTRY_POINT_GROUP = "jointtrack.commands"
ANY_ARGUMENTS: dict[str, Any] = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "help_option_names": [],
}


OWN_COMMANDS: Mapping[str, str] = {
    "detect": "jointtrack.cli.detect",
    "info": "jointtrack.cli.info",
    "report": "jointtrack.cli.report.command",
    "health": "jointtrack.cli.health",
}
"""The client's commands, and the modules with a function of that name."""


class PluginGroup(TyperGroup):
    """Adds ``OWN_COMMANDS``, and a command for each entry point of ``ENTRY_POINT_GROUP``.

    What runs is imported, and nothing beside it. Help lists the names of entry points without
    importing them. An entry point is a ``typer.Typer`` (a group) or a function (a command).
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer's click or click's own
        return [*OWN_COMMANDS, *_plugins()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        if cmd_name in OWN_COMMANDS:
            self._add_own(cmd_name)
        elif cmd_name in _plugins():
            return TyperCommand(cmd_name, help=f"Part of the server; jointtrack {cmd_name} --help.")
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        plugin = _plugins().get(args[0]) if args[0] not in OWN_COMMANDS else None
        if plugin is not None:
            return plugin.name, _load(plugin), args[1:]
        if args[0] not in OWN_COMMANDS:
            for name in OWN_COMMANDS:
                self._add_own(name)  # typer suggests those that it has
        return super().resolve_command(ctx, args)

    def _add_own(self, name: str) -> None:
        if name not in self.commands:
            function = getattr(import_module(OWN_COMMANDS[name]), name)
            self.commands[name] = _single_command(name, function)


def _plugins() -> dict[str, EntryPoint]:
    return {plugin.name: plugin for plugin in entry_points(group=ENTRY_POINT_GROUP)}


def _load(plugin: EntryPoint) -> Any:  # noqa: ANN401
    try:
        target = plugin.load()
    except ImportError as error:
        return _missing_extra(plugin.name, error)
    if isinstance(target, typer.Typer):
        return get_command(target)
    return _single_command(plugin.name, target)


def _missing_extra(name: str, error: ImportError) -> Any:  # noqa: ANN401
    def explain() -> NoReturn:
        fail(f"jointtrack {name} needs the server ({error}): pip install 'jointtrack[server]'")

    return _single_command(name, explain, ANY_ARGUMENTS)


def _single_command(name: str, function: Any, settings: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
    only = typer.Typer(add_completion=False)
    only.command(name, context_settings=settings)(function)
    return get_command(only)
