"""`make docs`: writes deploy/grafana/jointtrack.json from the panels in dashboard_panels.py.

With --check nothing is written; the exit status says whether the file is up to date.
"""

import sys
from itertools import count
from pathlib import Path

from dashboard_panels import NUMBERS, ROWS, Graph, Number, Query
from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
)

FILE = Path(__file__).parents[1] / "deploy" / "grafana" / "jointtrack.json"
WHERE = 'job=~"$job", instance=~"$instance"'
SOURCE = DataSourceRef("prometheus", "${datasource}")
WIDTH = 24


def text() -> str:
    """The dashboard as Grafana imports it."""
    page = (
        dashboard.Dashboard("JointTrack")
        .uid("jointtrack")
        .description("Joint angles from pictures and video: docs/metrics.md says what is counted.")
        .tags(["jointtrack"])
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
        )
        .with_variable(_choice("job", "Job", "jointtrack_build_info"))
        .with_variable(_choice("instance", "Server", 'jointtrack_build_info{job=~"$job"}'))
    )
    ids = count(1)
    for number in NUMBERS:
        page.with_panel(_number(number).id(next(ids)))
    for title, graphs in ROWS.items():
        page.with_row(dashboard.Row(title).id(next(ids)))
        for graph in graphs:
            page.with_panel(_graph(graph, WIDTH // min(len(graphs), 3)).id(next(ids)))
    return JSONEncoder(sort_keys=True, indent=2).encode(page.build()) + "\n"


def _choice(label: str, title: str, metric: str) -> dashboard.QueryVariable:
    """A variable with the values that the label has, all of them chosen at first."""
    return (
        dashboard.QueryVariable(label)
        .label(title)
        .datasource(SOURCE)
        .query(f"label_values({metric}, {label})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _number(number: Number) -> stat.Panel:
    return (
        stat.Panel()
        .title(number.title)
        .description(number.meaning)
        .datasource(SOURCE)
        .unit(number.unit)
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(WIDTH // len(NUMBERS))
        .height(4)
        .with_target(_target(0, Query(number.promql, number.title)))
    )


def _graph(graph: Graph, span: int) -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title(graph.title)
        .description(graph.meaning)
        .datasource(SOURCE)
        .unit(graph.unit)
        .min(0)
        .fill_opacity(10)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
        .span(span)
        .height(8)
    )
    if graph.highest is not None:
        panel.max(graph.highest)
    if graph.stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for number, query in enumerate(graph.queries):
        panel.with_target(_target(number, query))
    return panel


def _target(number: int, query: Query) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .ref_id(chr(ord("A") + number))
        .expr(query.promql.replace("$where", WHERE))
        .legend_format(query.legend)
        .range()
    )


def main() -> int:
    if "--check" not in sys.argv:
        FILE.write_text(text())
        return 0
    up_to_date = FILE.is_file() and FILE.read_text() == text()
    print("Up to date." if up_to_date else f"Out of date, run 'make docs': {FILE.name}")
    return int(not up_to_date)


if __name__ == "__main__":
    sys.exit(main())
