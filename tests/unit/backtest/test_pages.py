"""When a low score pages, and what the pages are worth."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.backtest.pages import Paged, PageRule, page_figures, pages

RULE = PageRule(below_score=35, closes=3, critical_below_score=25, quiet_days=20)
NAN = float("nan")


def scores(*stretches: tuple[float, int]) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """A score for so many days, then another one."""
    return np.array([score for score, days in stretches for _ in range(days)], np.float32)


@pytest.mark.parametrize(
    ("stretches", "expected", "why"),
    [
        ([(80, 10)], [], "a healthy account pages nobody"),
        ([(80, 5), (34, 2), (80, 5)], [], "two closes are not three"),
        ([(80, 5), (34, 3)], [7], "the third close pages"),
        ([(80, 5), (35, 9)], [], "at the bound is not below it"),
        ([(80, 5), (34, 30)], [7], "one page for one episode, however long"),
        ([(80, 5), (34, 5), (20, 5)], [7, 12], "critical for as many closes pages at once, and once"),
        ([(80, 5), (34, 5), (20, 2), (34, 9)], [7], "critical for fewer closes does not"),
        ([(80, 5), (20, 9)], [7], "the first page told of it already"),
        ([(80, 5), (34, 3), (80, 5), (20, 5)], [7, 15], "worse than the last page said is told within the quiet days"),
        ([(80, 5), (20, 3), (80, 5), (20, 5)], [7], "as bad as the last page said is not"),
        ([(80, 5), (34, 3), (80, 5), (34, 5)], [7], "again within the quiet days"),
        ([(80, 5), (34, 3), (80, 25), (34, 5)], [7, 35], "again behind them"),
        ([(80, 5), (34, 2), (NAN, 1), (34, 2)], [], "an unknown score breaks the run"),
        ([(80, 1), (34, 3), (80, 5), (34, 20)], [3, 23], "an episode that goes on pages when the quiet days are over"),
    ],
)
def test_a_low_score_pages(stretches: list[tuple[float, int]], expected: list[int], why: str) -> None:
    assert pages(scores(*stretches), RULE) == expected, why


@given(st.lists(st.sampled_from([10.0, 30.0, 36.0, 90.0, NAN]), max_size=80))
def test_pages_keep_their_promises_over_any_scores(days: list[float]) -> None:
    """Each ends three low closes; within the quiet days only a critical one follows, and only one."""
    found = pages(np.array(days, np.float32), RULE)
    assert found == sorted(set(found))
    assert all(all(score < 35 for score in days[day - 2 : day + 1]) for day in found)
    for earlier, later in pairwise(found):
        if later - earlier < RULE.quiet_days:
            assert all(score < 25 for score in days[later - 2 : later + 1])
            assert not all(score < 25 for score in days[earlier - 2 : earlier + 1])


def test_pages_are_worth_what_a_count_by_hand_says() -> None:
    """Two churns, one paged 40 days before; a retained account paged in vain, and one page too late to tell."""
    days = np.full(400, 80, np.float32)
    young = days.copy()
    young[:] = np.nan
    accounts = [
        Paged([100, 360], days, churned=400),
        Paged([10], days, churned=400),
        Paged([50, 350], days, churned=None),
        Paged([], young, churned=400),
    ]
    found = page_figures(accounts, 180)
    assert found.pages == 5
    assert found.account_days == 1200
    assert found.pages_an_account_year == pytest.approx(5 / 1200 * 365)
    assert (found.churns, found.churns_paged, found.recall) == (2, 1, 0.5)
    assert found.lead_days == (40,)
    # Day 350 of the retained account is 50 days before its observation ends: nobody knows.
    assert (found.hits, found.resolved, found.precision) == (1, 4, 0.25)


def test_without_any_account_nothing_is_known() -> None:
    found = page_figures([], 180)
    assert found.pages_an_account_year is None
    assert found.recall is None
    assert found.precision is None
    assert found.median_lead_days is None
