"""The figures of a backtest, from lives and labels: pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from heartline.backtest import statistics
from heartline.backtest.baselines import NAMES
from heartline.backtest.labels import day_text
from heartline.backtest.landmarks import SIZES, Landmarks, table
from heartline.backtest.life import Observed
from heartline.backtest.pages import Paged, PageFigures, PageRule, page_figures, pages
from heartline.backtest.statistics import Discrimination, Estimate, Flags
from stream.contracts.report import SEVERITY, Band

CHURNS_MIN: Final = 10  # churned accounts; below it an AUROC says nothing
REPLICATES: Final = 1000
_REPLICATED_ROWS_MAX: Final = 20_000_000  # landmarks times samples; more landmarks get fewer samples
_REPLICATES_MIN: Final = 200


@dataclass(frozen=True)
class GroupFigures:
    """One predictor on a group of landmarks.

    Attributes:
        landmarks, accounts, churned: how many; churned are accounts with a churn within the horizon of a landmark.
        auroc: None where fewer than CHURNS_MIN accounts churned.
    """

    name: str
    landmarks: int
    accounts: int
    churned: int
    auroc: Estimate | None


@dataclass(frozen=True)
class BandFigures:
    """The risk in a band.

    Attributes:
        landmarks, events: how many, and how many of them a churn followed within the horizon.
        risk: events over landmarks; None without landmarks.
    """

    band: Band
    landmarks: int
    events: int
    risk: Estimate | None


@dataclass(frozen=True)
class PredictorFigures:
    """What one predictor tells.

    Attributes:
        auroc, average_precision: None where too few churned.
        concordance: Harrell's C; None likewise.
    """

    name: str
    auroc: Estimate | None = None
    average_precision: Estimate | None = None
    concordance: float | None = None
    roc: list[tuple[float, float]] = field(default_factory=list)
    precision_recall: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class ScorecardFigures:
    """What one set of scorecards tells.

    Attributes:
        predictor: its discrimination.
        unscored: month-ends without a score by it; they were left out for all.
        bands: worst first.
        pages: those that alerting would send by its score.
        chance_recall, chance_lead_days: what randomly timed pages at the same rate reach.
        above_baseline: by how much its AUROC is above the best baseline's, paired; None where too few churned.
        best_baseline: that baseline's name.
        above_first: by how much its AUROC is above the first scorecards', paired; None for these, or where too few.
        by_segment, by_size: the same AUROC in groups.
        right_share: of each account (by index), the share of its comparisons that are ranked right.
    """

    predictor: PredictorFigures
    unscored: int
    bands: list[BandFigures]
    pages: PageFigures
    chance_recall: float | None
    chance_lead_days: float | None
    above_baseline: Estimate | None
    best_baseline: str | None
    above_first: Estimate | None
    by_segment: list[GroupFigures]
    by_size: list[GroupFigures]
    right_share: dict[int, float]


@dataclass(frozen=True)
class Study:
    """A backtest's figures.

    Attributes:
        horizon_days: within which a churn counts.
        accounts, churned: that were measured; of these the ones with a churn date.
        landmarks, events: month-ends, and those that a churn followed within the horizon.
        churned_accounts: accounts with such a month-end.
        first_day, last_day: of the landmarks, as dates; empty without any.
        scorecards, baselines: by what they were measured.
        page_rule: when a score pages.
    """

    horizon_days: int
    accounts: int
    churned: int
    landmarks: int
    events: int
    churned_accounts: int
    first_day: str
    last_day: str
    scorecards: list[ScorecardFigures]
    baselines: list[PredictorFigures]
    page_rule: PageRule

    @property
    def base_rate(self) -> float | None:
        """Share of the landmarks that a churn followed; None without landmarks."""
        return self.events / self.landmarks if self.landmarks else None

    @property
    def is_large_enough(self) -> bool:
        """Whether enough accounts churned for an AUROC."""
        return self.churned_accounts >= CHURNS_MIN


def study(
    accounts: Sequence[Observed],
    scorecards: Sequence[str],
    horizon_days: int,
    page_rule: PageRule,
    replicates: int = REPLICATES,
) -> tuple[Study, Landmarks]:
    """Measure scorecards on lives of which it is known what became of them.

    Args:
        accounts: with their lives.
        scorecards: the names of those that the lives were scored by.
        horizon_days: within which a churn counts.
        page_rule: when a score pages.
        replicates: bootstrap samples; fewer where there are very many landmarks.

    Returns:
        The figures, and the landmarks behind them.
    """
    marks = table(accounts, scorecards, horizon_days)
    rows = len(marks.event)
    samples = min(replicates, max(_REPLICATES_MIN, _REPLICATED_ROWS_MAX // max(rows, 1)))
    enough = marks.churned_accounts >= CHURNS_MIN
    measured: dict[str, Discrimination] = {}
    # The matrices are small: several threads would wait for each other.
    with threadpool_limits(limits=1):
        for name, risk in marks.risks.items() if enough else ():
            found = statistics.discrimination(risk, marks.event, marks.account, samples)
            if found is not None:
                measured[name] = found
    best = max((name for name in NAMES if name in measured), key=lambda name: measured[name].auroc.value, default=None)
    return (
        Study(
            horizon_days,
            len(accounts),
            sum(account.churned_day is not None for account in accounts),
            rows,
            int(marks.event.sum()),
            marks.churned_accounts,
            day_text(int(marks.day.min())) if rows else "",
            day_text(int(marks.day.max())) if rows else "",
            [
                _scorecard(name, scorecards[0], accounts, marks, measured, best, page_rule, horizon_days, samples)
                for name in scorecards
            ],
            [_predictor(name, marks, measured) for name in NAMES],
            page_rule,
        ),
        marks,
    )


def _predictor(name: str, marks: Landmarks, measured: Mapping[str, Discrimination]) -> PredictorFigures:
    found = measured.get(name)
    if found is None:
        return PredictorFigures(name)
    risk = marks.risks[name]
    c_index = statistics.concordance(risk, marks.days, marks.churns, marks.account)
    roc, precision_recall = statistics.curve(risk, marks.event)
    return PredictorFigures(name, found.auroc, found.average_precision, c_index, roc, precision_recall)


def _scorecard(
    name: str,
    first: str,
    accounts: Sequence[Observed],
    marks: Landmarks,
    measured: Mapping[str, Discrimination],
    best: str | None,
    rule: PageRule,
    horizon_days: int,
    samples: int,
) -> ScorecardFigures:
    """Everything about one set of scorecards."""
    paged = [_paged(account, name, rule) for account in accounts]
    figures = page_figures(paged, horizon_days)
    a_day = figures.pages / figures.account_days if figures.account_days else None
    enough = name in measured
    sizes = [text for _, text in SIZES if text in marks.size]
    return ScorecardFigures(
        _predictor(name, marks, measured),
        marks.unscored[name],
        _bands(name, marks, samples),
        figures,
        None if a_day is None else statistics.chance_recall(a_day, horizon_days),
        None if a_day is None else statistics.chance_lead_days(a_day, horizon_days),
        statistics.difference(measured[name], measured[best]) if enough and best is not None else None,
        best,
        statistics.difference(measured[name], measured[first]) if enough and name != first else None,
        _groups(name, marks, marks.segment, sorted(set(marks.segment)), samples),
        _groups(name, marks, marks.size, sizes, samples),
        statistics.right_share(marks.risks[name], marks.event, marks.account) if enough else {},
    )


def _paged(account: Observed, name: str, rule: PageRule) -> Paged:
    first = account.life.first_day
    scores = account.life.scores[name][: account.end_day - first + 1]
    churned = None if account.churned_day is None else account.churned_day - first
    return Paged(pages(scores, rule), scores, churned)


def _bands(name: str, marks: Landmarks, samples: int) -> list[BandFigures]:
    rows: dict[Band, list[int]] = defaultdict(list)
    for row, band in enumerate(marks.bands[name]):
        rows[band].append(row)
    found = []
    for band in sorted((band for band in SEVERITY if band != "unknown"), key=SEVERITY.__getitem__, reverse=True):
        at = np.array(rows[band], np.int64)
        risk = statistics.share(marks.event[at], marks.account[at], samples)
        found.append(BandFigures(band, len(at), int(marks.event[at].sum()), risk))
    return found


def _groups(
    name: str, marks: Landmarks, group_of: Sequence[str], groups: Sequence[str], samples: int
) -> list[GroupFigures]:
    found = []
    labels = np.array(group_of, object)
    for group in groups:
        here: Flags = labels == group
        account, event = marks.account[here], marks.event[here]
        churned = len(np.unique(account[event]))
        area = None
        if churned >= CHURNS_MIN:
            measured = statistics.discrimination(marks.risks[name][here], event, account, samples)
            area = measured.auroc if measured is not None else None
        found.append(GroupFigures(group, int(here.sum()), len(np.unique(account)), churned, area))
    return found
