"""Small charts as SVG text: no style attributes and no scripts, so that they pass every policy and print anywhere.

Colours come from the classes of the style sheet around them.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from markupsafe import Markup, escape

from consumers.board.account_index import SPARK_UNKNOWN
from consumers.board.use_level import UseLevel
from stream.contracts.report import Band

SPARK_WIDTH: Final = 84
SPARK_HEIGHT: Final = 22
TIMELINE_WIDTH: Final = 720
TIMELINE_HEIGHT: Final = 200
LEFT: Final = 34  # room for the scale
BOTTOM: Final = 22

# A shape for each band, so that colour is never the only sign; in a box of 12 by 12.
_SHAPES: Final[dict[Band, str]] = {
    "healthy": '<circle cx="6" cy="6" r="5"/>',
    "watch": '<path d="M6 1 11 6 6 11 1 6Z"/>',
    "at_risk": '<path d="M6 1 11.5 11H.5Z"/>',
    "critical": '<path d="M1 1h10v10H1z"/>',
    "unknown": '<circle cx="6" cy="6" r="4.2" class="hollow"/>',
    "inactive": '<path d="M2 5.2h8v1.6H2z"/>',
}


def band_shape(band: Band) -> Markup:
    """The sign of a band; the word stands beside it, so it is hidden from screen readers."""
    shape = _SHAPES[band]
    return Markup(f'<svg class="shape band-{band}" viewBox="0 0 12 12" aria-hidden="true">{shape}</svg>')  # noqa: S704 - ours


def sparkline(spark: bytes, band: Band) -> Markup:
    """Whole scores, one byte a day, on the fixed scale 0 to 100; a gap where a day has none."""
    if not spark:
        return Markup("")
    step = (SPARK_WIDTH - 4) / max(len(spark) - 1, 1)
    runs: list[list[str]] = [[]]
    last = ""
    for index, score in enumerate(spark):
        if score == SPARK_UNKNOWN:
            runs.append([])
            continue
        x, y = 2 + index * step, 2 + (100 - score) / 100 * (SPARK_HEIGHT - 4)
        runs[-1].append(f"{x:.1f} {y:.1f}")
        last = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2"/>'
    paths = "".join(f'<path d="M{" L".join(run)}"/>' for run in runs if len(run) > 1)
    box = f'viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}"'
    return Markup(f'<svg class="spark band-{band}" {box} aria-hidden="true">{paths}{last}</svg>')  # noqa: S704 - numbers


def timeline(history: Sequence[tuple[str, float]], floors: Sequence[tuple[Band, float]]) -> Markup:
    """Daily scores over their bands.

    Args:
        history: (ISO date, score), oldest first.
        floors: band to its lowest score, best band first.
    """
    if not history:
        return Markup("")
    first = date.fromisoformat(history[0][0])
    span = max((date.fromisoformat(history[-1][0]) - first).days, 1)
    plot_width, plot_height = TIMELINE_WIDTH - LEFT - 8, TIMELINE_HEIGHT - BOTTOM - 8

    def x_of(day: str) -> float:
        return LEFT + (date.fromisoformat(day) - first).days / span * plot_width

    def y_of(score: float) -> float:
        return 8 + (100 - score) / 100 * plot_height

    parts, top = [], 100.0
    for band, floor in floors:
        size = f'width="{plot_width}" height="{y_of(floor) - y_of(top):.1f}"'
        parts.append(f'<rect class="zone band-{band}" x="{LEFT}" y="{y_of(top):.1f}" {size}/>')
        top = floor
    for score in sorted({0.0, 100.0} | {floor for _, floor in floors}):
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y_of(score) + 4:.1f}" text-anchor="end">{score:g}</text>')
    points = " L".join(f"{x_of(day):.1f} {y_of(score):.1f}" for day, score in history)
    parts.append(f'<path class="line" d="M{points}"/>')
    day, score = history[-1]
    parts.append(f'<circle class="end" cx="{x_of(day):.1f}" cy="{y_of(score):.1f}" r="3.5"/>')
    parts += _dates(history[0][0], history[-1][0], TIMELINE_HEIGHT, plot_width)
    label = escape(f"Score by day, from {history[0][1]:.0f} on {history[0][0]} to {score:.0f} on {day}")
    return _chart(label, TIMELINE_HEIGHT, parts)


def bars(days: Sequence[tuple[date, int]], label: str, level: UseLevel | None = None) -> Markup:
    """A count by day, as bars from zero; the page says beside it what the tallest is.

    Args:
        days: oldest first, without a gap.
        label: for screen readers.
        level: what the last days are compared with: they are marked, and the level is a line over them.
    """
    expected = level.expected_a_day if level is not None else 0.0
    top = max([*(count for _, count in days), expected])
    recent = max(len(days) - level.days, 0) if level is not None else len(days)
    parts = [
        f'<rect class="bar{" recent" if index >= recent else ""}" x="{index}" y="{60 * (1 - count / top):.1f}" '
        f'width="0.8" height="{60 * count / top:.1f}"/>'
        for index, (_, count) in enumerate(days)
        if count > 0
    ]
    if level is not None and top > 0:
        parts.append(f'<path class="level" d="M{recent} {60 * (1 - expected / top):.1f}H{len(days)}"/>')
        since = next((index for index, (day, _) in enumerate(days) if day == level.since), None)
        if since is not None:
            parts.append(f'<path class="since" d="M{since} 0V60"/>')
    box = f'viewBox="0 0 {len(days)} 60" preserveAspectRatio="none"'
    inner = "".join(parts)
    return Markup(  # noqa: S704 - numbers, and a label that is escaped
        f'<svg class="bars" {box} role="img" aria-label="{escape(label)}">{inner}</svg>'
    )


def _dates(first: str, last: str, height: int, plot_width: int) -> list[str]:
    return [
        f'<text class="tick" x="{LEFT}" y="{height - 5}">{_short(first)}</text>',
        f'<text class="tick" x="{LEFT + plot_width}" y="{height - 5}" text-anchor="end">{_short(last)}</text>',
    ]


def _short(day: str) -> str:
    found = date.fromisoformat(day)
    return f"{found.day} {found:%b}"


def _chart(label: Markup, height: int, parts: Sequence[str]) -> Markup:
    inner = "".join(parts)
    return Markup(  # noqa: S704 - numbers, and a label that is escaped
        f'<svg class="chart" viewBox="0 0 {TIMELINE_WIDTH} {height}" role="img" aria-label="{label}">{inner}</svg>'
    )


def share(value: float, whole: float, kind: str) -> Markup:
    """How much of a whole, as a bar; the number stands beside it.

    Args:
        value: 0..whole.
        whole: the full width.
        kind: lost, gained or plain: its colour.
    """
    width = 0.0 if whole <= 0 else min(max(value / whole, 0.0), 1.0) * 100
    return Markup(  # noqa: S704 - numbers, and a word of ours
        f'<svg class="share {kind}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="whole" width="100" height="8"/><rect width="{width:.1f}" height="8"/></svg>'
    )


def strip(active: Sequence[bool]) -> Markup:
    """Days with and without activity, oldest first."""
    marks = "".join(
        f'<rect class="on" x="{index * 5}" width="4" height="10"/>'
        if on
        else f'<rect class="off" x="{index * 5}" y="7" width="4" height="3"/>'
        for index, on in enumerate(active)
    )
    label = f"active on {sum(active)} of {len(active)} days"
    return Markup(  # noqa: S704 - numbers only
        f'<svg class="strip" viewBox="0 0 {len(active) * 5} 10" role="img" aria-label="{label}">{marks}</svg>'
    )
