"""A scorecard's lines at landmarks as numbers: which are known, and where their values lie on their curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from heartline.backtest.life import MonthEnd
from heartline.backtest.statistics import Floats
from stream.measures.catalogue import COUNTS_WHEN_DESERTED, SCORABLE
from stream.measures.registry import label_of
from stream.scoring.scorecard import Line

# Measures that may become a line, with what is better: a curve never says the opposite. What is left out is either a
# part of a shipped line, or says how large an account is made to be, or has no better and worse.
CANDIDATES: Final[dict[str, bool]] = {
    "mau": True,
    "wau": True,
    "users_for_half": True,
    "features_30d": True,
    "features_per_active_user": True,
    "frequency_30d": True,
    "stickiness": True,
    "breadth_change_ratio": True,
    "activity_change_ratio": True,
    "active_user_rate_monthly": True,
    "license_utilization": True,
    "depth": True,
    "best_half_year": True,
    "engagement_score": True,
    "touchpoints_90": True,
    "outcome_pace_min": True,
    "silence_ratio": False,
    "days_since_active": False,
    "days_since_touchpoint": False,
    "champions_gone": False,
    "open_tickets": False,
    "tickets_opened_90": False,
    "resolution_hours": False,
    "escalation_rate": False,
    "open_detractors": False,
    "goals_off_track": False,
}
ALWAYS_WANTED: Final = frozenset({"mau", "silence_working_days", "silence_limit_days"})
KNOWN_MIN_RATIO: Final = 0.6  # of the landmarks must know a candidate
DISTINCT_MIN: Final = 8  # values that it must have
_KNOTS: Final = (0.05, 0.35, 0.65, 0.95)  # quantiles at which a new line's curve may bend


@dataclass(frozen=True)
class LineData:
    """One line at landmarks.

    Attributes:
        line: with the curve and the weight that it has now; of a new line the weight is 0.
        is_new: whether the scorecard does not have it yet.
        known: how far it counts: 0 where it is unknown, else 1, or less where a silent account's other sources do.
        basis: a row a landmark: how far each point of the curve counts; nothing where an account was left by everybody,
            for there it scores 0 whatever the curve says.
    """

    line: Line
    is_new: bool
    known: Floats
    basis: Floats

    @property
    def curve(self) -> Floats:
        """The curve's scores, 0..1."""
        return np.array([score for _, score in self.line.curve]) / 100


def line_data(
    line: Line, month_ends: Sequence[MonthEnd], silent_weight_ratio: float = 1.0, *, is_new: bool = False
) -> LineData:
    """A line at landmarks.

    Args:
        line: the scorecard's.
        month_ends: of the landmarks, with the line's measure, and with ALWAYS_WANTED.
        silent_weight_ratio: the scorecard's.
        is_new: whether it is only a candidate.
    """
    values = _values(line, month_ends)
    has_source = np.array([line.source in at.sources for at in month_ends], bool)
    unknown = np.isnan(values)
    deserted = np.zeros(len(values), bool)
    if line.source == "usage" and line.measure in COUNTS_WHEN_DESERTED:
        deserted = unknown & np.array([at.measures["mau"] == 0 for at in month_ends], bool)
    basis = interpolation(np.nan_to_num(values), np.array([value for value, _ in line.curve], np.float64))
    basis[unknown] = 0.0
    known = (has_source & (~unknown | deserted)).astype(np.float64)
    if line.source != "usage" and silent_weight_ratio != 1:
        known[[_is_silent(at) for at in month_ends]] *= silent_weight_ratio
    return LineData(line, is_new, known, basis)


def _is_silent(at: MonthEnd) -> bool:
    """Whether the account is silent for longer than is usual for it."""
    quiet_days, limit_days = at.measures["silence_working_days"], at.measures["silence_limit_days"]
    return quiet_days is not None and quiet_days > limit_days and "usage" in at.sources


def _values(line: Line, month_ends: Sequence[MonthEnd]) -> Floats:
    found = [at.measures[line.measure] for at in month_ends]
    return np.array([np.nan if value is None else float(value) for value in found], np.float64)


def interpolation(values: Floats, knots: Floats) -> Floats:
    """The weights of a piecewise linear curve's points at values, flat beyond its ends; each row adds up to 1."""
    clipped = np.clip(values, knots[0], knots[-1])
    right = np.clip(np.searchsorted(knots, clipped, "right"), 1, len(knots) - 1)
    share = (clipped - knots[right - 1]) / (knots[right] - knots[right - 1])
    rows = np.arange(len(values))
    found = np.zeros((len(values), len(knots)))
    found[rows, right - 1] = 1 - share
    found[rows, right] += share
    return found


def candidates(month_ends: Sequence[MonthEnd], used: frozenset[str]) -> list[LineData]:
    """The measures that may become lines of a scorecard, as these landmarks know them."""
    found = []
    for measure, more_is_better in CANDIDATES.items():
        if measure in used or measure not in SCORABLE:
            continue
        source, unit = SCORABLE[measure]
        values = [at.measures[measure] for at in month_ends if source in at.sources]
        known = np.array([float(value) for value in values if value is not None], np.float64)
        if len(known) < KNOWN_MIN_RATIO * len(month_ends) or len(np.unique(known)) < DISTINCT_MIN:
            continue
        knots = sorted({_rounded(float(value)) for value in np.quantile(known, _KNOTS)})
        if len(knots) < 2:
            continue
        scores = np.linspace(0, 100, len(knots)) if more_is_better else np.linspace(100, 0, len(knots))
        curve = tuple(zip(knots, scores.tolist(), strict=True))
        line = Line(measure, "calibrated", source, 0.0, curve, label_of(measure), unit)
        found.append(line_data(line, month_ends, is_new=True))
    return found


def _rounded(value: float) -> float:
    """To two significant digits, as people write a threshold."""
    return float(f"{value:.2g}")
