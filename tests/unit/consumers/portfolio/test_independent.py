"""Every figure against an independent computation in SQL, over companies with every edge case in them.

Set PORTFOLIO_ORACLE_ACCOUNTS=5000 and PORTFOLIO_ORACLE_YEARS=3 for a whole company; it takes some minutes.
"""

import os
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from consumers.portfolio.days import Period, day_number, day_of, parse_periods
from consumers.portfolio.facts import DIMENSIONS
from consumers.portfolio.figures import FIGURES
from consumers.portfolio.lifetime import ALL_IDS, ask, is_told_by
from consumers.portfolio.query import FigureValue, Query
from consumers.portfolio.store import Store
from consumers.portfolio.subscription_history import Rules
from heartline.synthetic.business import account_days, business
from tests.oracle.portfolio import EXACT, Oracle, agrees
from tests.unit.consumers.portfolio.books import records

ACCOUNTS = int(os.environ.get("PORTFOLIO_ORACLE_ACCOUNTS", "120"))
YEARS = float(os.environ.get("PORTFOLIO_ORACLE_YEARS", "2"))
END = datetime(2026, 11, 20, 12, tzinfo=UTC)
ZONE = "America/New_York"
MARGIN = 0.7
PERIODS = {"quarter": parse_periods("2025-Q1..2026-Q4"), "month": parse_periods("2025-10..2026-11")}


class Company:
    """One company, in the store (recorded late, shuffled over partitions and in batches) and in the oracle.

    Args:
        accounts: how many.
        rates_from: what was said of rates before is missing, so that amounts have none; None: nothing is missing.
    """

    def __init__(self, accounts: int = ACCOUNTS, rates_from: str | None = None) -> None:
        days = list(account_days(END, accounts, YEARS, every_days=3))
        told = business(END, accounts, YEARS)
        told = [each for each in told if each["type"] != "rate" or rates_from is None or each["date"] >= rates_from]
        events = [*told, *days, *(each | {"score": 1.0} for each in days[-50:])]
        self.oracle = Oracle(events, ZONE, END.date(), MARGIN)
        self.store = Store(Rules(ZoneInfo(ZONE), "EUR"))
        arrivals = records(events, partitions=3)
        order = random.Random(5)
        for first in range(0, len(arrivals), 2000):
            self.store.append(arrivals[first : first + 2000])
            if order.random() < 0.5:
                self.store.refresh()
        self.store.refresh()


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.mark.parametrize("by", [None, *DIMENSIONS])
@pytest.mark.parametrize("unit", ["quarter", "month"])
def test_every_figure_is_what_sql_over_every_day_gives(company: Company, unit: str, by: Any) -> None:
    compare(company, PERIODS[unit], by)


def test_every_figure_is_the_same_where_rates_came_late() -> None:
    """Who paid before its currency had a rate is in no sum and no rate of money of that time."""
    company = Company(30, rates_from="2026-02-10")
    for by in (None, "segment", "product", "campaign"):
        assert sum(value.left_out for value in compare(company, PERIODS["quarter"], by)) > 0


def compare(company: Company, periods: Sequence[Period], by: Any) -> list[FigureValue]:
    """Every figure of both, by a dimension; returns the store's."""
    expected = company.oracle.figures([(p.name, day_of(p.first_day), day_of(p.next_day)) for p in periods], by)
    ids = sorted({id_ for id_, _, _ in expected})
    assert set(ids) == {id_ for id_ in ALL_IDS if is_told_by(id_, by)}, "no figure is left out"
    query = Query(company.store.cursor(), company.store.rules, day_number(END.date()))
    values = ask(query, ids, periods, by, MARGIN)
    found = {(value.figure, value.period, value.group): value.value for _, value in values}
    wrong = [
        (key, found.get(key), value) for key, value in expected.items() if not agrees(key[0], found.get(key), value)
    ]
    nothing = [key for key, value in found.items() if value and key not in expected]
    assert wrong[:10] == []
    assert nothing[:10] == []
    assert len(expected) > len(ids)
    return [value for _, value in values]


def test_the_company_has_every_edge_case_in_it(company: Company) -> None:
    db = company.store.cursor()

    def count(sql: str) -> int:
        (found,) = db.execute(f"SELECT count(*) FROM {sql}").fetchall()
        return int(found[0])

    for sql in (
        "intervals WHERE paused",
        "intervals WHERE arr_minor = 0 AND NOT paused",
        "intervals WHERE currency <> 'EUR'",
        "movements WHERE kind = 'reactivation'",
        "movements WHERE detail = 'involuntary'",
        "movements WHERE detail = 'not_renewed'",
        "movements WHERE detail = 'cross_sell'",
        "trials WHERE outcome = 'expired'",
        "requests WHERE outcome = 'saved'",
        "terms WHERE outcome = 'renewed' AND decided_day < end_day",
        "terms WHERE outcome = 'renewed' AND decided_day > end_day + 1",
        "ledger WHERE kind = 'subscription' AND moved_to IS NOT NULL",
        "ledger WHERE kind = 'subscription' AND account IN (SELECT account FROM ledger WHERE kind = 'alias')",
        "(SELECT event_id FROM ledger GROUP BY event_id HAVING count(*) > 1)",
        "(SELECT account, day FROM movements WHERE product IS NULL GROUP BY ALL HAVING count(*) = 1)",
    ):
        assert count(sql) > 0, sql


def test_today_is_no_full_quarter() -> None:
    """Else nothing above would show that a period that runs ends today."""
    assert date(2026, 10, 1) < END.date() < date(2026, 12, 31)


def test_sums_and_counts_are_compared_to_the_last_one() -> None:
    sums = {each.id for each in FIGURES if each.denominator is None and not each.is_median}
    assert sums - {"revenue"} == EXACT
