"""The portfolio's charts as SVG text: no scripts, no style attributes; pointing at a mark says it, a click explains it.

Colours come from the classes of the style sheet around them. Every mark has its value in words as a title, and leads to
the accounts behind it where there are any.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

WIDTH: Final = 720
HEIGHT: Final = 230
LEFT: Final = 62  # room for the scale
RIGHT: Final = 78  # and for the names of the lines
TOP: Final = 14
BOTTOM: Final = 24
LABELS_MAX: Final = 9  # below the axis


class Mark(NamedTuple):
    """One value of a chart.

    Attributes:
        label: what it is of: a period, a movement, a week.
        value: where it is; None: not known, and nothing is drawn.
        text: the value in words.
        link: to the accounts behind it; None: there are none.
    """

    label: str
    value: float | None
    text: str
    link: str | None = None


class Line(NamedTuple):
    """A line of a chart.

    Attributes:
        name: what it is.
        kind: its colour: a, b, c.
    """

    name: str
    kind: str
    marks: Sequence[Mark]


def line_chart(label: str, lines: Sequence[Line], *, percent: bool = True) -> Markup:
    """Values over periods, on one scale.

    Args:
        label: for screen readers.
        lines: each with a mark a period, the same periods.
        percent: whether the values are shares.
    """
    values = [mark.value for line in lines for mark in line.marks if mark.value is not None]
    if not values:
        return Markup("")
    low, high, step = _scale(min(values), max(values))
    right = WIDTH - RIGHT
    count = max(len(line.marks) for line in lines)

    def x_of(index: int) -> float:
        return LEFT + (right - LEFT) * (index + 0.5) / count

    def y_of(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = _grid(low, high, step, right, y_of, percent=percent)
    parts += _below([mark.label for mark in lines[0].marks], x_of)
    ends: list[float] = []
    for line in lines:
        runs: list[list[str]] = [[]]
        for index, mark in enumerate(line.marks):
            if mark.value is None:
                runs.append([])
            else:
                runs[-1].append(f"{x_of(index):.1f} {y_of(mark.value):.1f}")
        parts += [f'<path class="series {line.kind}" d="M{" L".join(run)}"/>' for run in runs if len(run) > 1]
        for index, mark in enumerate(line.marks):
            if mark.value is not None:
                dot = f'<circle class="dot {line.kind}" cx="{x_of(index):.1f}" cy="{y_of(mark.value):.1f}" r="4.5"/>'
                parts.append(_labelled(f"{line.name}, {mark.label}: {mark.text}", dot, mark.link))
        known = [(index, mark.value) for index, mark in enumerate(line.marks) if mark.value is not None]
        if known:
            index, value = known[-1]
            lowest = HEIGHT - BOTTOM - 8  # above the names of the periods
            y = min(y_of(value), lowest)
            away = 14 if y + 14 <= lowest else -14
            while any(abs(y - other) < 14 for other in ends):
                y += away
            ends.append(y)
            parts.append(
                f'<text class="name {line.kind}" x="{x_of(index) + 9:.1f}" y="{y + 4:.1f}">{escape(line.name)}</text>'
            )
    return _chart(label, parts)


def waterfall(label: str, steps: Sequence[Mark], end: Mark) -> Markup:
    """How an amount became another one.

    Args:
        label: for screen readers.
        steps: the first is the amount at the start, the others what was added (negative: taken away).
        end: the amount at the end.
    """
    bars: list[tuple[Mark, float, float, str]] = []
    level = 0.0
    for index, step in enumerate(steps):
        value = step.value or 0.0
        kind = "whole" if index == 0 else "gained" if value >= 0 else "lost"
        bars.append((step, level, level + value, kind))
        level += value
    bars.append((end, 0.0, end.value or 0.0, "whole"))
    # The axis begins near the smallest total, so that movements of a few percent can be seen; the scale says so.
    levels = [edge for _, begin, stop, kind in bars for edge in ((stop,) if kind == "whole" else (begin, stop))]
    low, high, step_ = _scale(min(levels) - (max(levels) - min(levels)) * 0.25, max(levels))
    low = max(low, 0.0) if min(levels) >= 0 else low
    right = WIDTH - 8

    def y_of(value: float) -> float:
        return TOP + (high - max(value, low)) / (high - low or 1) * (HEIGHT - TOP - BOTTOM)

    width = (right - LEFT) / len(bars)
    parts = _grid(low, high, step_, right, y_of, percent=False)
    for index, (mark, begin, stop, kind) in enumerate(bars):
        x, top, bottom = LEFT + width * (index + 0.14), y_of(max(begin, stop)), y_of(min(begin, stop))
        size = f'width="{width * 0.72:.1f}" height="{max(bottom - top, 1.5):.1f}"'
        rect = f'<rect class="fall {kind}" x="{x:.1f}" y="{top:.1f}" {size}/>'
        parts.append(_labelled(f"{mark.label}: {mark.text}", rect, mark.link))
        parts.append(
            f'<text class="tick" x="{x + width * 0.36:.1f}" y="{HEIGHT - 7}" text-anchor="middle">'
            f"{escape(mark.label)}</text>"
        )
    return _chart(label, parts)


def stacked_bars(label: str, columns: Sequence[tuple[str, Sequence[tuple[str, Mark]]]]) -> Markup:
    """Amounts side by side, each of parts.

    Args:
        label: for screen readers.
        columns: each its name, and its parts from below as (class, mark).
    """
    highest = max((sum(mark.value or 0 for _, mark in parts) for _, parts in columns), default=0.0)
    if highest <= 0:
        return Markup("")
    low, high, step = _scale(0.0, highest)
    right = WIDTH - 8
    width = (right - LEFT) / len(columns)

    def y_of(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    drawn = _grid(low, high, step, right, y_of, percent=False)
    drawn += _below([name for name, _ in columns], lambda index: LEFT + width * (index + 0.5))
    for index, (_, parts) in enumerate(columns):
        level = 0.0
        for kind, mark in parts:
            value = mark.value or 0.0
            if value > 0:
                size = f'width="{width * 0.7:.1f}" height="{y_of(level) - y_of(level + value):.1f}"'
                at = f'x="{LEFT + width * (index + 0.15):.1f}" y="{y_of(level + value):.1f}"'
                rect = f'<rect class="part {kind}" {at} {size}/>'
                drawn.append(_labelled(f"{mark.label}: {mark.text}", rect, mark.link))
                level += value
    return _chart(label, drawn)


def benchmark(label: str, mark: Mark, benchmarks: Sequence[tuple[float, str]]) -> Markup:
    """One share on a line with what others have.

    Args:
        label: for screen readers.
        mark: the own value.
        benchmarks: others' values, each with its name.
    """
    if mark.value is None:
        return Markup("")
    high = max(mark.value * 1.15, benchmarks[-1][0] * 1.3)

    def x_of(value: float) -> float:
        return 12 + value / high * (WIDTH - 24)

    parts = [f'<path class="axis" d="M12 48 H{WIDTH - 12}"/>']
    for value, name in benchmarks:
        parts.append(f'<path class="axis" d="M{x_of(value):.1f} 41 V55"/>')
        parts.append(
            f'<text class="tick" x="{x_of(value):.1f}" y="72" text-anchor="middle">{value:.0%} {escape(name)}</text>'
        )
    x = x_of(mark.value)
    dot = f'<circle class="dot a" cx="{x:.1f}" cy="48" r="7"/>'
    parts.append(_labelled(f"{mark.label}: {mark.text}", dot, mark.link))
    anchor = "end" if x > WIDTH * 0.85 else "start" if x < WIDTH * 0.15 else "middle"
    parts.append(f'<text class="name a" x="{x:.1f}" y="30" text-anchor="{anchor}">{escape(mark.text)}</text>')
    return _chart(label, parts, 84)


def _scale(low: float, high: float) -> tuple[float, float, float]:
    """Round ends around two values, and the step between ticks.

    >>> _scale(0.83, 1.12), _scale(5, 5)
    ((0.8, 1.2, 0.1), (4.5, 5.5, 0.25))
    """
    if high <= low:
        spread = abs(high) * 0.1 or 1.0
        low, high = low - spread, high + spread
    rough = (high - low) / 4
    power = 10.0
    exponent = 0
    while rough < power**exponent:
        exponent -= 1
    while rough >= power ** (exponent + 1):
        exponent += 1
    base = power**exponent
    step = next(base * factor for factor in (1, 2, 2.5, 5, 10) if rough <= base * factor * 1.0000001)
    first = int(low / step) - (1 if low < 0 and low % step else 0)
    last = int(high / step) + (1 if high % step > step * 1e-9 else 0)
    return round(first * step, 10), round(max(last, first + 1) * step, 10), step


def _grid(
    low: float, high: float, step: float, right: float, y_of: Callable[[float], float], *, percent: bool
) -> list[str]:
    parts = []
    for number in range(round((high - low) / step) + 1):
        value = low + number * step
        y = y_of(value)
        parts.append(f'<path class="axis" d="M{LEFT} {y:.1f} H{right:.0f}"/>')
        text = f"{value * 100:.4g} %" if percent else short_amount(value)
        parts.append(f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    return parts


def _below(labels: Sequence[str], x_of: Callable[[int], float]) -> list[str]:
    every = -(-len(labels) // LABELS_MAX)
    return [
        f'<text class="tick" x="{x_of(index):.1f}" y="{HEIGHT - 7}" text-anchor="middle">{escape(label)}</text>'
        for index, label in enumerate(labels)
        if (len(labels) - 1 - index) % every == 0
    ]


def short_amount(value: float) -> str:
    """An amount in few characters.

    >>> short_amount(1_250_000), short_amount(48_000), short_amount(-500), short_amount(0)
    ('1.25M', '48k', '-500', '0')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def _labelled(text: str, mark: str, link: str | None) -> str:
    """A mark that says what it is, and leads further."""
    inner = f"<title>{escape(text)}</title>{mark}"
    return f"<g>{inner}</g>" if link is None else f'<a href="{escape(link)}" aria-label="{escape(text)}">{inner}</a>'


def _chart(label: str, parts: Sequence[str], height: int = HEIGHT) -> Markup:
    inner = "".join(parts)
    return Markup(  # noqa: S704 - numbers, and texts that are escaped
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="group" aria-label="{escape(label)}">{inner}</svg>'
    )
