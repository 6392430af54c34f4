"""Where bands begin, from the measured risk at each score: pure."""

from typing import Final

import numpy as np

from heartline.backtest.statistics import Flags, Floats
from stream.contracts.report import Band

# A band begins where the risk falls below so many times the base rate.
TIMES_BASE_RATE: Final[dict[Band, float]] = {"healthy": 0.5, "watch": 1.25, "at_risk": 2.5}
_HELD_BY_CHURNS: Final = 50  # so many churned accounts count as much as the floors as they are
_STEP: Final = 5  # floors are multiples of it
_APART: Final = 10


def floors(score: Floats, event: Flags, churned_accounts: int, now: dict[Band, float]) -> dict[Band, float]:
    """The floors that the risk asks for, drawn towards those that are.

    Args:
        score: of each landmark, by a fit that did not see its account.
        event: whether a churn followed.
        churned_accounts: how many accounts churned.
        now: band to its floor.
    """
    from sklearn.isotonic import IsotonicRegression  # two seconds of a processor: where it is needed

    risk = IsotonicRegression(increasing=False, out_of_bounds="clip").fit(score, event.astype(np.float64))
    grid = np.arange(0.0, 101.0)
    at = risk.predict(grid)
    base = float(event.mean())
    share = churned_accounts / (churned_accounts + _HELD_BY_CHURNS)
    found: dict[Band, float] = {}
    least = float(_APART)
    for band in ("at_risk", "watch", "healthy"):
        below = np.flatnonzero(at < TIMES_BASE_RATE[band] * base)
        asked = float(grid[below[0]]) if len(below) else now[band]
        drawn = share * asked + (1 - share) * now[band]
        found[band] = float(min(max(round(drawn / _STEP) * _STEP, least), 90))
        least = found[band] + _APART
    return found
