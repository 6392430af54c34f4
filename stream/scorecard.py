"""From measures to points: which measures count, on which curve, with which weight, and where the bands lie.

The default scorecard works with no configuration. Its curves lean on published thresholds (PostHog's and GitLab's
handbooks, the field's usual NPS and CSAT readings); docs/health.md argues each choice.
"""

from dataclasses import dataclass
from typing import Literal

from stream.report import Band

Source = Literal["usage", "tickets", "surveys"]


@dataclass(frozen=True, slots=True)
class Line:
    """One measure of a scorecard.

    Args:
        measure: its id.
        group: adoption, engagement, support or sentiment.
        source: without any event of this source the measure counts as unknown, even where it is a count of 0.
        weight: its share before missing data are taken out.
        curve: (value, score 0..100) points, values ascending; linear between them, flat beyond them.
        label: what people call it.
        unit: how its values are shown: "count", "percent", "score", "days", "times" or "hours".
    """

    measure: str
    group: str
    source: Source
    weight: float
    curve: tuple[tuple[float, float], ...]
    label: str
    unit: str = "count"

    def score(self, value: float) -> float:
        """The value on the curve, 0..100.

        >>> Line("x", "g", "usage", 1, ((0, 0), (10, 100)), "x").score(2.5)
        25.0
        """
        x0, y0 = self.curve[0]
        if value <= x0:
            return float(y0)
        for x1, y1 in self.curve:
            if value <= x1:
                return y0 + (y1 - y0) * (value - x0) / (x1 - x0)
            x0, y0 = x1, y1
        return float(y0)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Lines and bands.

    Args:
        name: name@version, written into every report.
        lines: the measures that count.
        band_floors: band to the lowest score that is still in it, best band first.
        coverage_min_ratio: below this share of weight with data the band is unknown and no score is given.
    """

    name: str
    lines: tuple[Line, ...]
    band_floors: tuple[tuple[Band, float], ...]
    coverage_min_ratio: float

    def line(self, measure: str) -> Line:
        """The line of one measure.

        Raises:
            KeyError: the scorecard has none.
        """
        for line in self.lines:
            if line.measure == measure:
                return line
        raise KeyError(measure)

    def band(self, score: float) -> Band:
        """Where a score falls.

        >>> DEFAULT.band(75), DEFAULT.band(24.9)
        ('healthy', 'critical')
        """
        for band, floor in self.band_floors:
            if score >= floor:
                return band
        return self.band_floors[-1][0]


DEFAULT = Scorecard(
    name="default@1",
    coverage_min_ratio=0.3,
    band_floors=(("healthy", 75.0), ("watch", 50.0), ("at_risk", 25.0), ("critical", 0.0)),
    lines=(
        Line(
            "active_user_rate_monthly",
            "adoption",
            "usage",
            15,
            ((0.0, 0), (0.2, 25), (0.4, 60), (0.8, 100)),
            "users active this month",
            "percent",
        ),
        Line("depth", "adoption", "usage", 10, ((0.0, 0), (0.5, 70), (1.0, 100)), "core features in use", "percent"),
        Line("users_for_half", "adoption", "usage", 5, ((1, 40), (2, 70), (4, 100)), "users behind half of the use"),
        Line(
            "frequency_30d",
            "engagement",
            "usage",
            10,
            ((1, 20), (4, 60), (8, 80), (16, 100)),
            "active days a user a month",
        ),
        Line(
            "activity_change_ratio",
            "engagement",
            "usage",
            20,
            ((0.0, 0), (0.5, 30), (0.8, 75), (0.95, 100)),
            "activity against the 4 weeks before",
            "percent",
        ),
        Line(
            "silence_ratio",
            "engagement",
            "usage",
            15,
            ((1.5, 100), (3, 50), (6, 0)),
            "silence against the usual pause",
            "times",
        ),
        Line(
            "open_urgent_tickets", "support", "tickets", 8, ((0, 100), (1, 60), (2, 40), (3, 0)), "urgent tickets open"
        ),
        Line(
            "support_incident_rate",
            "support",
            "tickets",
            7,
            ((0.1, 100), (0.5, 60), (1.0, 30), (2.0, 0)),
            "tickets a user a month",
            "score",
        ),
        Line(
            "escalation_running_hours",
            "support",
            "tickets",
            5,
            ((0, 100), (24, 60), (72, 0)),
            "longest running escalation",
            "hours",
        ),
        Line("nps", "sentiment", "surveys", 12, ((-100, 0), (0, 40), (30, 70), (70, 100)), "NPS", "score"),
        Line("csat", "sentiment", "surveys", 8, ((0.0, 0), (0.6, 40), (0.8, 80), (0.95, 100)), "CSAT", "percent"),
    ),
)
