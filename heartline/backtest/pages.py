"""On which days the score would have called someone, as alerting pages by it: pure, over daily closes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PageRule:
    """When a low score pages.

    Attributes:
        below_score: a page comes when the score closes below this...
        closes: ...for so many days running; an unknown score breaks the run.
        again_below_score: a second page comes at once when it falls below this; None: none does.
        quiet_days: at most one page an account in so many days, but for the second one.
    """

    below_score: float = 35.0
    closes: int = 7
    again_below_score: float | None = 25.0
    quiet_days: int = 180


def pages(scores: NDArray[np.float32], rule: PageRule) -> list[int]:
    """The days (from 0) on which an account's daily scores page.

    An episode begins with its page and ends when the score closes at or above `below_score`, or is unknown. The second
    page belongs to an episode, and comes once.
    """
    found: list[int] = []
    run, last, paged, again = 0, -rule.quiet_days, False, False
    for day, score in enumerate(scores.tolist()):
        if not score < rule.below_score:  # nan, too
            run, paged, again = 0, False, False
            continue
        run += 1
        if not paged and run >= rule.closes and day - last >= rule.quiet_days:
            found.append(day)
            last, paged = day, True
            again = rule.again_below_score is not None and score < rule.again_below_score
        elif paged and not again and rule.again_below_score is not None and score < rule.again_below_score:
            found.append(day)
            last, again = day, True
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
