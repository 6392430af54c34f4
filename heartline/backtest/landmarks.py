"""Month-ends of accounts as a table: what each predictor said, and what was to come.

Source: van Houwelingen, Dynamic prediction by landmarking in event history analysis, Scand. J. Statist. 34 (2007).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from heartline.backtest.baselines import (
    NAMES,
    Uses,
    bg_nbd_risk,
    logistic_risk,
    recency_frequency_volume,
    simple_risks,
)
from heartline.backtest.life import Life, MonthEnd, Observed
from heartline.backtest.statistics import Flags, Floats, Ints
from stream.contracts.report import Band

SIZES: Final = ((5, "up to 5 users"), (20, "6 to 20 users"), (100, "21 to 100 users"), (None, "more than 100 users"))


class Landmark(NamedTuple):
    """One account at one month-end.

    Attributes:
        account_index: of the account among those observed, from 0.
        at: its month-end.
        days: to the churn, or to the end of observation.
        churns: whether a churn is at that end.
        event: whether it comes within the horizon.
    """

    account_index: int
    at: MonthEnd
    days: int
    churns: bool
    event: bool


def landmarks_of(accounts: Sequence[Observed], horizon_days: int) -> Iterator[Landmark]:
    """Every month-end before the end of which it is known whether a churn came within the horizon, by account."""
    for account_index, account in enumerate(accounts):
        for at in account.life.month_ends:
            if at.day > account.end_day:
                break
            churned = account.churned_day
            days = (churned if churned is not None else account.observed_day) - at.day
            event = churned is not None and days <= horizon_days
            if event or days >= horizon_days:
                yield Landmark(account_index, at, days, churned is not None, event)


@dataclass(frozen=True)
class Landmarks:
    """The table, one row a landmark, by account and time.

    Attributes:
        account: the index of each one's account.
        day: since 1970-01-01.
        days, churns, event: as of `Landmark`.
        risks: by predictor's name: a number that grows with the danger; of a scorecard it is 100 - score.
        bands: by scorecards' name.
        size, segment: what groups it falls into.
        unscored: by scorecards' name, how many month-ends were left out because it had no score.
        rows: the landmarks themselves.
    """

    account: Ints
    day: Ints
    days: Floats
    churns: Flags
    event: Flags
    risks: dict[str, Floats]
    bands: dict[str, list[Band]]
    size: list[str]
    segment: list[str]
    unscored: dict[str, int] = field(default_factory=dict)
    rows: list[Landmark] = field(default_factory=list)

    @property
    def churned_accounts(self) -> int:
        """How many accounts have a landmark that a churn followed within the horizon."""
        return len(np.unique(self.account[self.event]))


def table(accounts: Sequence[Observed], scorecards: Sequence[str], horizon_days: int) -> Landmarks:
    """The landmarks at which every one of the scorecards has a score, so that all are measured on the same.

    Args:
        accounts: with their lives.
        scorecards: the names of those that were measured.
        horizon_days: within which a churn counts.
    """
    rows: list[Landmark] = []
    unscored = dict.fromkeys(scorecards, 0)
    for row in landmarks_of(accounts, horizon_days):
        missing = [name for name in scorecards if np.isnan(_score(accounts[row.account_index].life, name, row.at.day))]
        for name in missing:
            unscored[name] += 1
        if not missing:
            rows.append(row)
    account = np.array([row.account_index for row in rows], np.int64)
    event = np.array([row.event for row in rows], bool)
    risks = {
        name: np.array([100 - _score(accounts[row.account_index].life, name, row.at.day) for row in rows], np.float64)
        for name in scorecards
    }
    return Landmarks(
        account,
        np.array([row.at.day for row in rows], np.int64),
        np.array([row.days for row in rows], np.float64),
        np.array([row.churns for row in rows], bool),
        event,
        risks | baselines(accounts, rows, event, account),
        {name: [row.at.bands[name] for row in rows] for name in scorecards},
        [size_of(row.at.users) for row in rows],
        [accounts[row.account_index].life.segment or "no segment" for row in rows],
        unscored,
        rows,
    )


def baselines(accounts: Sequence[Observed], rows: Sequence[Landmark], event: Flags, account: Ints) -> dict[str, Floats]:
    """The risks by the baselines at landmarks."""
    simple: list[tuple[float, float, float]] = []
    features: list[tuple[float, float, float]] = []
    rhythm: list[tuple[float, float, float]] = []
    days_of: dict[int, list[int]] = {}
    for row in rows:
        days_of.setdefault(row.account_index, []).append(row.at.day - accounts[row.account_index].life.first_day)
    for account_index, days in days_of.items():
        uses = Uses(accounts[account_index].life.users)
        simple += simple_risks(uses, days)
        features += recency_frequency_volume(uses, days)
        rhythm += [uses.rhythm(day) for day in days]
    three = np.array(simple, np.float64).reshape(-1, 3)
    with threadpool_limits(limits=1):  # the matrices are small: several threads would wait for each other
        fitted = (
            logistic_risk(np.array(features, np.float64).reshape(-1, 3), event, account),
            bg_nbd_risk(np.array(rhythm, np.float64).reshape(-1, 3), account),
        )
    return dict(zip(NAMES, (*three.T, *fitted), strict=True))


def size_of(users: int) -> str:
    """The group of an account by the users that it has had so far.

    >>> size_of(5), size_of(21)
    ('up to 5 users', '21 to 100 users')
    """
    return next(name for most, name in SIZES if most is None or users <= most)


def _score(life: Life, name: str, day: int) -> float:
    return float(life.scores[name][day - life.first_day])
