"""On which days the score would have called someone, as alerting pages by it: pure, over daily closes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PageRule:
    """When a low score pages; the defaults are those of the shipped alerting configuration.

    Attributes:
        below_score: a page comes when the score closes below this...
        closes: ...for so many days running; an unknown score breaks the run.
        critical_below_score: as many closes below this are worse, and page again.
        quiet_days: at most one page an account in so many days, unless it got worse.
    """

    below_score: float = 35.0
    closes: int = 7
    critical_below_score: float = 25.0
    quiet_days: int = 180


def pages(scores: NDArray[np.float32], rule: PageRule) -> list[int]:
    """The days (from 0) on which an account's daily scores page.

    An episode ends when the score closes at or above `below_score`, or is unknown. It pages once, and once more where
    it gets worse than the last page said; a page that comes too soon after another comes later, if still true then.
    """
    found: list[int] = []
    low = critical = last_level = 0
    is_paged = False
    for day, score in enumerate(scores.tolist()):
        low = low + 1 if score < rule.below_score else 0  # nan is below nothing
        critical = critical + 1 if score < rule.critical_below_score else 0
        is_paged = is_paged and low > 0
        level = 2 if critical >= rule.closes else 1 if low >= rule.closes else 0
        if level == 0:
            continue
        is_quiet = bool(found) and day - found[-1] < rule.quiet_days
        if (found and level > last_level) or (not is_paged and not is_quiet):
            found.append(day)
            last_level, is_paged = level, True
    return found


@dataclass(frozen=True)
class PageFigures:
    """What pages are worth over a set of accounts.

    Attributes:
        pages: how many there were.
        account_days: on which there was a score.
        churns: accounts that churned, and had a score within the horizon before it.
        churns_paged: those with a page within the horizon.
        lead_days: from the first such page to the churn, one a paged churn.
        hits: pages that a churn followed within the horizon.
        resolved: pages of which it is known whether a churn followed.
    """

    pages: int = 0
    account_days: int = 0
    churns: int = 0
    churns_paged: int = 0
    lead_days: tuple[int, ...] = ()
    hits: int = 0
    resolved: int = 0

    @property
    def pages_an_account_year(self) -> float | None:
        """None without any day."""
        return self.pages / self.account_days * 365 if self.account_days else None

    @property
    def recall(self) -> float | None:
        """Share of the churns that were paged in time; None without churns."""
        return self.churns_paged / self.churns if self.churns else None

    @property
    def precision(self) -> float | None:
        """Share of the pages that a churn followed; None without pages of which that is known."""
        return self.hits / self.resolved if self.resolved else None

    @property
    def median_lead_days(self) -> float | None:
        """None without a churn that was paged."""
        return float(np.median(self.lead_days)) if self.lead_days else None


@dataclass(frozen=True)
class Paged:
    """One account's pages.

    Attributes:
        days: of the pages, from day 0 of the account.
        scores: its daily scores, up to its churn or the end of its observation.
        churned: the day of its churn, from day 0; None: it had not churned when observation ended.
    """

    days: Sequence[int]
    scores: NDArray[np.float32]
    churned: int | None


def page_figures(accounts: Sequence[Paged], horizon_days: int) -> PageFigures:
    """Add up the pages of accounts."""
    count = account_days = churns = churns_paged = hits = resolved = 0
    leads: list[int] = []
    for account in accounts:
        account_days += int(np.count_nonzero(~np.isnan(account.scores)))
        count += len(account.days)
        observed = len(account.scores)
        for day in account.days:
            hit = account.churned is not None and day < account.churned <= day + horizon_days
            hits += hit
            resolved += hit or day + horizon_days < observed
        if account.churned is None:
            continue
        begin = max(account.churned - horizon_days, 0)
        if np.isnan(account.scores[begin : account.churned]).all():
            continue
        churns += 1
        before = [day for day in account.days if begin <= day < account.churned]
        if before:
            churns_paged += 1
            leads.append(account.churned - before[0])
    return PageFigures(count, account_days, churns, churns_paged, tuple(leads), hits, resolved)
