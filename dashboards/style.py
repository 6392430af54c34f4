"""What all panels share: the data source, the colours of bands, queries, and the few kinds of panel in use."""

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.builders.bargauge import Panel as BarGauge
from grafana_foundation_sdk.builders.common import VizLegendOptions, VizTooltipOptions
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    TextBoxVariable,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.timeseries import Panel as Lines
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
)

# Whichever Prometheus the reader's Grafana has: the variable at the top of each dashboard.
DATASOURCE: Final = "datasource"
PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid=f"${{{DATASOURCE}}}")
BOARD: Final = "board"
BOARD_URL: Final = "http://localhost:8050"

# The colours of the bands, here and on the board; each is also a word, for whoever does not tell them apart.
BAND_COLOURS: Final = {
    "healthy": "#3d9a50",
    "watch": "#c9a227",
    "at_risk": "#d9742b",
    "critical": "#c4314b",
    "unknown": "#7a8594",
}
GOOD, WARNING, BAD, NEUTRAL = (BAND_COLOURS[band] for band in ("healthy", "at_risk", "critical", "unknown"))

Steps = Sequence[tuple[float | None, str]]

# The curve of a score: where the default scorecard's bands begin.
SCORE_STEPS: Final[Steps] = ((None, BAD), (25, WARNING), (50, BAND_COLOURS["watch"]), (75, GOOD))


def dashboard(uid: str, title: str, description: str, *, time_from: str = "now-30d") -> Dashboard:
    """An empty dashboard of the house: read-only, linked with its sisters, its cursors in step, of any Prometheus."""
    sisters = DashboardLink("Heartline").type(DashboardLinkType.DASHBOARDS).tags(["heartline"]).keep_time(True)
    return (
        Dashboard(f"Heartline: {title}")
        .uid(f"heartline-{uid}")
        .description(description)
        .tags(["heartline"])
        .refresh("1m")
        .time(time_from, "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(sisters)
        .with_variable(DatasourceVariable(DATASOURCE).label("Prometheus").type("prometheus"))
    )


def board_address() -> TextBoxVariable:
    """Where the board is, for links to it; whoever imports the dashboard says it once."""
    return TextBoxVariable(BOARD).label("Board").default_value(BOARD_URL)


def query(expression: str, legend: str = "", *, instant: bool = False) -> Dataquery:
    """A PromQL query; instant for a panel that shows one moment."""
    built = Dataquery().expr(expression).legend_format(legend).datasource(PROMETHEUS)
    return built.instant() if instant else built.range()


def steps(given: Steps) -> ThresholdsConfig:
    """Thresholds: from each value on, its colour; None is the bottom."""
    return (
        ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=colour) for value, colour in given])
    )


def number(title: str, description: str, expression: str, unit: str, given: Steps = ((None, NEUTRAL),)) -> Stat:
    """One number now, with its course behind it."""
    return (
        Stat()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .unit(unit)
        .thresholds(steps(given))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .no_value("unknown")
        .height(4)
        .span(4)
        .with_target(query(expression))
    )


def lines(title: str, description: str, unit: str, *queries: tuple[str, str], span: int = 12) -> Lines:
    """Courses over time: (expression, legend) each."""
    panel = (
        Lines()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .unit(unit)
        .line_width(2)
        .fill_opacity(8)
        .height(8)
        .span(span)
        .legend(
            VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True)
        )
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    for expression, legend in queries:
        panel.with_target(query(expression, legend))
    return panel


def stacked(panel: Lines) -> Lines:
    """The same, one upon the other."""
    from grafana_foundation_sdk.builders.common import StackingConfig

    return panel.stacking(StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(60).line_width(1)


def coloured(panel: Lines, colours: dict[str, str]) -> Lines:
    """Each named series in its own colour."""
    for name, colour in colours.items():
        panel.override_by_name(name, [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})])
    return panel


def bars(title: str, description: str, unit: str, expression: str, legend: str, given: Steps) -> BarGauge:
    """One bar a series, as of now."""
    return (
        BarGauge()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .unit(unit)
        .orientation(VizOrientation.HORIZONTAL)
        .thresholds(steps(given))
        .no_value("none")
        .height(10)
        .span(12)
        .with_target(query(expression, legend, instant=True))
    )
