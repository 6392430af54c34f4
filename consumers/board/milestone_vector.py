"""An account's way from milestone to milestone as a vector: the steeper, the sooner it gets value, and gives some.

Source: "4 Customer Success Metrics to Inform Your Product-Led (Expansion) Growth Strategy", metric 2, the vector chart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any, Final

from markupsafe import Markup, escape

from alerts.text import tidy
from stream.kinds.subscription import COMMERCIAL
from stream.measures.milestones import SLOPE_DAYS

WIDTH: Final = 720
STEP_HEIGHT: Final = 36
LEFT: Final = 16
RIGHT: Final = 24
TOP: Final = 26
BOTTOM: Final = 28
DAYS_MIN: Final = 14  # else a first week would look as flat as a year
BEYOND_RATIO: Final = 1.35  # room to the right of the last milestone, for what is still to come
FLIP_RATIO: Final = 0.55  # labels of points further right stand to the left of them
NAME_CHARS: Final = 40


@dataclass(frozen=True, slots=True)
class Milestone:
    """A milestone that was reached.

    Attributes:
        day: days from the account's beginning.
        value: of a commercial step what the subscriptions were worth a month from then on; None: not known, or of use.
    """

    name: str
    day: int
    value: float | None

    @property
    def label(self) -> str:
        """What people call it."""
        return milestone_label(self.name)


@dataclass(frozen=True, slots=True)
class MilestoneVector:
    """The way of one account.

    Attributes:
        reached: in the order of `product.milestones`.
        following: the next milestone that was not reached; None: all were.
        age_days: how old the account is, its first day included.
    """

    reached: tuple[Milestone, ...]
    following: str | None
    age_days: int

    @property
    def per_30_days(self) -> float:
        """How steep it is up to the last milestone: milestones in 30 days; the day of the first one counts."""
        return len(self.reached) * SLOPE_DAYS / (max(each.day for each in self.reached) + 1)


def milestone_label(name: str) -> str:
    """A milestone's name, as people read it.

    >>> milestone_label("subscription.cross_sell"), milestone_label("reports")
    ('cross sell', 'reports')
    """
    shown = name.removeprefix(COMMERCIAL).replace("_", " ") if name.startswith(COMMERCIAL) else name
    return tidy(shown, NAME_CHARS)


def vector_of(measures: dict[str, Any], milestones: Sequence[str]) -> MilestoneVector | None:
    """The way that a report tells of; None where no milestone was reached, or the account's beginning is not known.

    Args:
        measures: the report's.
        milestones: of the settings; where they lack one that the report has, the report's own next one follows.
    """
    days, values = measures.get("milestone_days") or {}, measures.get("milestone_values") or {}
    speed = measures.get("milestones_per_30_days")
    if not days or not speed:
        return None
    following = next((name for name in milestones if name not in days), None)
    if not days.keys() <= set(milestones):
        following = measures.get("milestone_next")
    reached = tuple(Milestone(name, day, values.get(name)) for name, day in days.items())
    return MilestoneVector(reached, following, round(len(days) * SLOPE_DAYS / speed))


def draw(vector: MilestoneVector, currency: str | None) -> Markup:
    """The vector as SVG: days to the right, a step up for each milestone.

    Args:
        vector: what was reached when.
        currency: of the values; None: nobody says.
    """
    steps = len(vector.reached) + (vector.following is not None)
    height = TOP + steps * STEP_HEIGHT + BOTTOM
    last = max(each.day for each in vector.reached)
    span = max(min(vector.age_days - 1, round(last * BEYOND_RATIO)), last, DAYS_MIN)
    plot = WIDTH - LEFT - RIGHT

    def at(day: int, step: int) -> tuple[float, float]:
        return LEFT + day / span * plot, TOP + (steps - step) * STEP_HEIGHT

    base = at(0, 0)[1]
    parts = [f'<path class="axis" d="M{LEFT} {base}H{WIDTH - RIGHT}"/>']
    before = at(0, 0)
    for step, each in enumerate(vector.reached, start=1):
        point = at(each.day, step)
        parts += [_arrow(before, point), f'<circle class="end" cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="4.5"/>']
        parts.append(_label(point, plot, f"{each.label} · day {each.day}{_worth(each, currency)}"))
        before = point
    if vector.following is not None:
        point = at(max(min(vector.age_days - 1, span), last), steps)
        parts.append(
            f'<path class="ahead" d="M{before[0]:.1f} {before[1]:.1f}L{point[0]:.1f} {point[1]:.1f}"/>'
            f'<circle class="hollow" cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="4.5"/>'
        )
        parts.append(_label(point, plot, f"next: {milestone_label(vector.following)}", "soft"))
    parts.append(f'<text class="tick" x="{LEFT}" y="{height - 8}">day 0</text>')
    parts.append(f'<text class="tick" x="{WIDTH - RIGHT}" y="{height - 8}" text-anchor="end">day {span}</text>')
    box = f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(described(vector, currency))}"'
    return Markup(f'<svg class="chart vector" {box}>{"".join(parts)}</svg>')  # noqa: S704 - numbers, and text that is escaped


def described(vector: MilestoneVector, currency: str | None) -> str:
    """The same in words."""
    reached = "; ".join(f"{each.label} on day {each.day}{_worth(each, currency)}" for each in vector.reached)
    following = "" if vector.following is None else f"; next: {milestone_label(vector.following)}"
    return f"Milestones by days from the beginning: {reached}{following}"


def _worth(milestone: Milestone, currency: str | None) -> str:
    if milestone.value is None:
        return ""
    return f" · {milestone.value:,.0f}{f' {tidy(currency, 8)}' if currency else ''} a month"


def _arrow(begin: tuple[float, float], end: tuple[float, float]) -> str:
    """A line with a head that ends at a point."""
    (x, y), length = end, hypot(end[0] - begin[0], end[1] - begin[1])
    dx, dy = (end[0] - begin[0]) / length, (end[1] - begin[1]) / length
    tip_x, tip_y = x - 5 * dx, y - 5 * dy
    back_x, back_y = tip_x - 9 * dx, tip_y - 9 * dy
    corners = (tip_x, tip_y), (back_x - 4 * dy, back_y + 4 * dx), (back_x + 4 * dy, back_y - 4 * dx)
    head = " ".join(f"{at:.1f},{down:.1f}" for at, down in corners)
    line = f'<path class="line" d="M{begin[0]:.1f} {begin[1]:.1f}L{back_x:.1f} {back_y:.1f}"/>'
    return f'{line}<polygon class="end" points="{head}"/>'


def _label(point: tuple[float, float], plot: float, text: str, kind: str = "name") -> str:
    """Below and to the right of a point, where no line goes; of one far to the right, above and to the left."""
    x, y = point
    if x - LEFT > plot * FLIP_RATIO:
        return f'<text class="{kind}" x="{x - 10:.1f}" y="{y - 6:.1f}" text-anchor="end">{escape(text)}</text>'
    return f'<text class="{kind}" x="{x + 10:.1f}" y="{y + 12:.1f}">{escape(text)}</text>'
