"""The small tables that the commands print."""

from rich.console import Console
from rich.table import Table

from jointtrack.cli.formats.reading import range_text
from jointtrack.types import ServerInfo


def print_table(table: Table) -> None:
    """On stdout, in colour only on a terminal."""
    Console(soft_wrap=True).print(table)


def info_tables(info: ServerInfo) -> list[Table]:
    """The server, its models and its measurements."""
    server = Table("server", "", show_header=False)
    server.add_row("server", info.server_version)
    server.add_row("engine", f"{info.engine} on {info.device}, {info.precision}")
    server.add_row("because", info.engine_reason)
    for name, value in info.limits.to_dict().items():
        server.add_row(name, _limit(value))
    models = Table("model", "version", "input", "people", "weights from")
    for model in info.models:
        name = f"{model.name} (default)" if model.is_default else model.name
        models.add_row(
            name, model.version, f"{model.input_size_px} px", str(model.max_people), model.origin
        )
    measurements = Table("measurement", "view", "0 is", "positive is", "normal", "from")
    for item in info.measurements:
        normal = item.normal
        measurements.add_row(
            item.name,
            " or ".join(item.views) or "any",
            item.zero,
            item.positive,
            range_text(normal) if normal else "",
            normal.source if normal else "",
        )
    return [server, models, measurements]


def _limit(value: float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,g}" if isinstance(value, float) else f"{value:,}"
