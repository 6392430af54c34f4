"""What a score must beat: five predictors that need no product, of an account's daily use alone.

Each gives a risk that grows with the danger, one a landmark. The two that are fitted (logistic regression on recency,
frequency and volume; BG/NBD) are fitted on other accounts than those they are asked of: five folds by account.

scikit-learn and SciPy are imported where something is fitted: they take two seconds of a processor.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from heartline.backtest.statistics import Flags, Floats, Ints

NAMES: Final = (
    "days since last use",
    "week over week",
    "90 days against own peak",
    "RFM logistic",
    "BG/NBD",
)
FOLDS: Final = 5
_FLOOR: Final = 5.0  # user-days; so that a handful of days is no trend
_QUARTER_DAYS: Final = 90
# Where the search for BG/NBD's parameters starts. Source: Fader, Hardie and Lee, Marketing Science 24 (2005), table 2.
_BG_NBD_START: Final = (0.243, 4.414, 0.793, 2.426)


class Uses:
    """An account's daily use, asked at the end of days.

    Args:
        users: distinct active users of each day from day 0.
    """

    def __init__(self, users: Sequence[int] | NDArray[np.integer[Any]]) -> None:
        counts = np.asarray(users, np.float64)
        self._sums = np.r_[0.0, np.cumsum(counts)]
        active = np.flatnonzero(counts)
        self._active_days = active
        weeks = active // 7
        self._weeks_so_far = np.cumsum(np.r_[True, weeks[1:] != weeks[:-1]]) if len(weeks) else weeks
        quarters = self._sums[1:] - self._sums[np.maximum(np.arange(1, len(counts) + 1) - _QUARTER_DAYS, 0)]
        self._quarters, self._peaks = quarters, np.maximum.accumulate(quarters) if len(quarters) else quarters

    def window(self, day: int, days: int) -> float:
        """User-days of so many days up to and with one."""
        return float(self._sums[day + 1] - self._sums[max(day + 1 - days, 0)])

    def since_last(self, day: int) -> float:
        """Days since the last use; since the beginning, where there was none."""
        at = int(np.searchsorted(self._active_days, day, "right"))
        return float(day - self._active_days[at - 1]) if at else float(day + 1)

    def against_peak(self, day: int) -> float:
        """Use of 90 days over the account's best 90 days so far."""
        return float((self._quarters[day] + _FLOOR) / (self._peaks[day] + _FLOOR))

    def rhythm(self, day: int) -> tuple[float, float, float]:
        """BG/NBD's statistics in weeks: repeats, from the first active week to the last, from the first to now."""
        at = int(np.searchsorted(self._active_days, day, "right"))
        if not at:
            return 0.0, 0.0, 0.0
        first, last = self._active_days[0] // 7, self._active_days[at - 1] // 7
        return float(self._weeks_so_far[at - 1] - 1), float(last - first), float(day // 7 - first)


def simple_risks(uses: Uses, days: Sequence[int]) -> Iterator[tuple[float, float, float]]:
    """The three that nothing is fitted for, at the end of days."""
    for day in days:
        now, before = uses.window(day, 7), uses.window(day - 7, 7) if day >= 7 else 0.0
        yield uses.since_last(day), -(now + 1) / (before + 1), -uses.against_peak(day)


def recency_frequency_volume(uses: Uses, days: Sequence[int]) -> Iterator[tuple[float, float, float]]:
    """Recency, frequency and monetary value, with use for money: logarithms of days since the last use, of user-days
    in a quarter, and of those in the year before it."""
    for day in days:
        quarter = uses.window(day, _QUARTER_DAYS)
        year = uses.window(day, 365)
        yield float(np.log1p(uses.since_last(day))), float(np.log1p(quarter)), float(np.log1p(year - quarter))


def folds_by_account(account: Ints, folds: int = FOLDS, seed: int = 1) -> Ints:
    """The fold of each landmark; all of one account are in the same."""
    names, inverse = np.unique(account, return_inverse=True)
    found: Ints = (np.random.default_rng(seed).permutation(len(names)) % folds)[inverse]
    return found


def logistic_risk(features: Floats, event: Flags, account: Ints) -> Floats:
    """The risk by a logistic regression on other accounts; 0 where those had no churn to learn from."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fold, risk = folds_by_account(account), np.zeros(len(event))
    for number in np.unique(fold):
        learn, ask = fold != number, fold == number
        if len(np.unique(event[learn])) == 2:
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
            model.fit(features[learn], event[learn])
            risk[ask] = model.decision_function(features[ask])
    return risk


def bg_nbd_risk(rhythm: Floats, account: Ints) -> Floats:
    """1 - P(alive) of BG/NBD over active weeks, its parameters fitted on the last landmark of other accounts.

    Args:
        rhythm: a row a landmark: repeats x, weeks t_x from the first active week to the last, weeks T to the landmark.
        account: a number an account; its landmarks ascend in time.

    Source: Fader, Hardie and Lee, "Counting your customers" the easy way, Marketing Science 24 (2005), equation 6;
    P(alive): Fader, Hardie and Lee, Computing P(alive) using the BG/NBD model (2008).
    """
    fold, risk = folds_by_account(account), np.zeros(len(account))
    last = np.flatnonzero(np.r_[account[1:] != account[:-1], True]) if len(account) else np.zeros(0, int)
    for number in np.unique(fold):
        ask = fold == number
        risk[ask] = 1 - p_alive(rhythm[ask], fitted_bg_nbd(rhythm[last[fold[last] != number]]))
    return risk


def fitted_bg_nbd(rhythm: Floats) -> tuple[float, float, float, float]:
    """r, alpha, a and b by maximum likelihood; the published ones where there is nothing to fit."""
    from scipy.optimize import minimize

    if len(rhythm) < 2:
        return _BG_NBD_START
    found = minimize(
        lambda logs: -bg_nbd_log_likelihood(rhythm, tuple(np.exp(logs))),
        np.log(_BG_NBD_START),
        method="Nelder-Mead",
        bounds=[(-7.0, 7.0)] * 4,
        options={"maxiter": 400, "xatol": 1e-3, "fatol": 1e-3},
    )
    r, alpha, a, b = np.exp(found.x).tolist()
    return r, alpha, a, b


def bg_nbd_log_likelihood(rhythm: Floats, parameters: tuple[float, ...]) -> float:
    """The log likelihood of accounts' rhythms."""
    from scipy.special import betaln, gammaln

    r, alpha, a, b = parameters
    x, last, now = rhythm.T
    alive = betaln(a, b + x) - betaln(a, b) + gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    staying = alive - (r + x) * np.log(alpha + now)
    leaving = np.where(
        x > 0, alive + np.log(a) - np.log(np.maximum(b + x - 1, 1e-12)) - (r + x) * np.log(alpha + last), -np.inf
    )
    return float(np.logaddexp(staying, leaving).sum())


def p_alive(rhythm: Floats, parameters: tuple[float, float, float, float]) -> Floats:
    """The probability that accounts are still alive; 1 without a repeat."""
    r, alpha, a, b = parameters
    x, last, now = rhythm.T
    odds = a / np.maximum(b + x - 1, 1e-12) * ((alpha + now) / (alpha + last)) ** (r + x)
    found: Floats = np.where(x > 0, 1 / (1 + odds), 1.0)
    return found
