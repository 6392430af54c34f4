"""The report's charts as SVG text; colours come from the classes of the page's style."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from heartline.backtest.labels import day_text
from heartline.backtest.statistics import Estimate

_SIDE: Final = 300  # of a square chart
_EDGE: Final = 34
_WIDE: Final = 720
_TALL: Final = 150
_POINTS_MAX: Final = 400
SERIES_MAX: Final = 8  # the page has so many colours

Points = Sequence[tuple[float, float]]


def square(
    curves: Sequence[tuple[str, Points]], across: str, upwards: str, label: str, *, diagonal: bool, ceiling: float = 1.0
) -> Markup:
    """Curves over 0..1, the first ones thick.

    Args:
        curves: (name, points) in the order of their colours.
        across, upwards: what the axes are.
        label: for screen readers.
        diagonal: whether to draw where chance lies.
        ceiling: the value at the top.
    """
    size = _SIDE - 2 * _EDGE

    def at(x: float, y: float) -> str:
        return f"{_EDGE + x * size:.1f} {_SIDE - _EDGE - min(y / ceiling, 1.0) * size:.1f}"

    parts = [f'<rect class="plot" x="{_EDGE}" y="{_EDGE}" width="{size}" height="{size}"/>']
    if diagonal:
        parts.append(f'<path class="chance" d="M{at(0, 0)} L{at(1, ceiling)}"/>')
    for number, (name, points) in enumerate(curves[:SERIES_MAX]):
        line = " L".join(at(x, y) for x, y in _thinned(points))
        parts.append(f'<path class="series s{number}" d="M{line}"><title>{escape(name)}</title></path>')
    for value in (0.0, 0.5, 1.0):
        x, y = at(value, value * ceiling).split()
        parts.append(f'<text class="tick" x="{x}" y="{_SIDE - _EDGE + 14}" text-anchor="middle">{value:.0%}</text>')
        share = f"{value * ceiling:.0%}" if ceiling >= 0.1 else f"{value * ceiling:.1%}"
        parts.append(f'<text class="tick" x="{_EDGE - 5}" y="{float(y) + 4}" text-anchor="end">{share}</text>')
    parts.append(f'<text class="tick" x="{_SIDE / 2}" y="{_SIDE - 4}" text-anchor="middle">{escape(across)}</text>')
    parts.append(f'<text class="tick" x="{_EDGE}" y="{_EDGE - 10}">{escape(upwards)}</text>')
    return _svg(_SIDE, _SIDE, label, parts)


def _thinned(points: Points) -> Points:
    """At most so many of them, with the first and the last."""
    if len(points) <= _POINTS_MAX:
        return points
    indexes = np.unique(np.linspace(0, len(points) - 1, _POINTS_MAX).round().astype(int))
    return [points[index] for index in indexes]


def risk_bars(rows: Sequence[tuple[str, Estimate | None]], base_rate: float, label: str) -> Markup:
    """Shares with their intervals, one bar a row, and a line at the base rate."""
    known = [found for _, found in rows if found is not None]
    top = max([base_rate, *(found.interval.high if found.interval else found.value for found in known)], default=1) or 1
    left, width, row_height = 90, _WIDE - 180, 26
    height = row_height * len(rows) + 22

    def x_of(value: float) -> float:
        return left + value / top * width

    parts = []
    for index, (name, found) in enumerate(rows):
        y = index * row_height + 4
        parts.append(f'<text class="name" x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
        if found is None:
            parts.append(f'<text class="tick" x="{left + 4}" y="{y + 14}">none</text>')
            continue
        bar = f'x="{left}" y="{y}" width="{max(x_of(found.value) - left, 0.5):.1f}" height="18"'
        parts.append(f'<rect class="bar" {bar}/>')
        if found.interval is not None:
            low, high = x_of(found.interval.low), x_of(found.interval.high)
            parts.append(f'<path class="whisker" d="M{low:.1f} {y + 9} H{high:.1f}"/>')
        end = x_of(found.interval.high if found.interval else found.value)
        parts.append(f'<text class="tick" x="{end + 6:.1f}" y="{y + 14}">{found.value:.1%}</text>')
    base = x_of(base_rate)
    parts.append(f'<path class="chance" d="M{base:.1f} 0 V{height - 18}"/>')
    parts.append(
        f'<text class="tick" x="{base:.1f}" y="{height - 4}" text-anchor="middle">base rate {base_rate:.1%}</text>'
    )
    return _svg(_WIDE, height, label, parts)


def life(
    users: NDArray[np.int32],
    scores: Sequence[NDArray[np.float32]],
    first_day: int,
    churned_day: int | None,
    pages: Sequence[int],
    label: str,
) -> Markup:
    """An account's weekly users as bars, its scores as lines on 0..100, its churn and its pages.

    Args:
        users: distinct users of each day.
        scores: one series a scorecard; nan is a gap.
        first_day: of both, since 1970-01-01.
        churned_day: since 1970-01-01; None: retained.
        pages: days from 0 on which the first scorecard pages.
        label: for screen readers.
    """
    days = max(len(users), 2)
    width, bottom = _WIDE - _EDGE - 8, _TALL - 20

    def x_of(day: float) -> float:
        return _EDGE + day / (days - 1) * width

    def y_of(score: float) -> float:
        return 6 + (100 - score) / 100 * (bottom - 6)

    weekly = np.add.reduceat(users, np.arange(0, len(users), 7)) if len(users) else users
    top = max(int(weekly.max(initial=0)), 1)
    bars = [
        f"M{x_of(index * 7):.1f} {bottom}V{bottom - (bottom - 6) * int(count) / top:.1f}"
        for index, count in enumerate(weekly)
        if count > 0
    ]
    parts = [f'<path class="use" d="{"".join(bars)}"/>'] if bars else []
    for score in (0, 25, 50, 75, 100):
        parts.append(f'<path class="grid" d="M{_EDGE} {y_of(score):.1f} H{_EDGE + width}"/>')
        parts.append(f'<text class="tick" x="{_EDGE - 6}" y="{y_of(score) + 4:.1f}" text-anchor="end">{score}</text>')
    step = max(days // 700, 1)
    for number, series in enumerate(scores[:SERIES_MAX]):
        for run in _runs(series, step):
            line = " L".join(f"{x_of(day):.1f} {y_of(score):.1f}" for day, score in run)
            parts.append(f'<path class="series s{number}" d="M{line}"/>')
    parts += [f'<path class="page" d="M{x_of(day):.1f} 2 l4 4 h-8z"><title>page</title></path>' for day in pages]
    if churned_day is not None:
        x = x_of(min(churned_day - first_day, days - 1))
        parts.append(f'<path class="churn" d="M{x:.1f} 0 V{bottom}"/>')
    for day, anchor in ((0, "start"), (days - 1, "end")):
        text = day_text(first_day + day)
        parts.append(f'<text class="tick" x="{x_of(day):.1f}" y="{_TALL - 5}" text-anchor="{anchor}">{text}</text>')
    return _svg(_WIDE, _TALL, label, parts)


def _runs(series: NDArray[np.float32], step: int) -> list[list[tuple[int, float]]]:
    """The stretches of a series that are known, at every so many days."""
    runs: list[list[tuple[int, float]]] = [[]]
    for day in range(0, len(series), step):
        score = float(series[day])
        if np.isnan(score):
            runs.append([])
        else:
            runs[-1].append((day, score))
    return [run for run in runs if len(run) > 1]


def _svg(width: int, height: int, label: str, parts: Sequence[str]) -> Markup:
    inner = "".join(parts)
    return Markup(  # noqa: S704 - numbers, and texts that are escaped
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{inner}</svg>'
    )
