"""The statistics of a backtest against scikit-learn, and against brute force where it has none."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.backtest import statistics as own
from tests.examples import examples

pytestmark = pytest.mark.xdist_group("scikit-learn")

# Few distinct risks, so that ties are common.
LANDMARKS = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 4), st.integers(1, 9)), min_size=2, max_size=40
).filter(lambda rows: len({event for _, event, _, _ in rows}) == 2)


def columns(rows: list[tuple[int, bool, int, int]]) -> tuple[own.Floats, own.Flags, own.Ints, own.Floats]:
    """Risk, event, account and days of landmarks."""
    risk, event, account, days = (list(column) for column in zip(*rows, strict=True))
    return np.array(risk, float), np.array(event, bool), np.array(account), np.array(days, float)


@given(LANDMARKS, st.data())
def test_auroc_and_average_precision_equal_scikit_learns(
    sklearn_metrics: Any, rows: list[tuple[int, bool, int, int]], data: st.DataObject
) -> None:
    """With ties, with and without weights, and with accounts of weight nothing."""
    risk, event, _, _ = columns(rows)
    assert own.auroc(risk, event) == pytest.approx(sklearn_metrics.roc_auc_score(event, risk))
    assert own.average_precision(risk, event) == pytest.approx(sklearn_metrics.average_precision_score(event, risk))
    weight = np.array([data.draw(st.integers(0, 3)) for _ in rows], float)
    if (weight[event].sum() > 0) and (weight[~event].sum() > 0):
        kept = weight > 0
        expected = sklearn_metrics.roc_auc_score(event[kept], risk[kept], sample_weight=weight[kept])
        assert own.auroc(risk, event, weight) == pytest.approx(expected)
        expected = sklearn_metrics.average_precision_score(event[kept], risk[kept], sample_weight=weight[kept])
        assert own.average_precision(risk, event, weight) == pytest.approx(expected)
    else:
        assert own.auroc(risk, event, weight) is None


@given(LANDMARKS)
def test_curves_are_those_of_scikit_learn(sklearn_metrics: Any, rows: list[tuple[int, bool, int, int]]) -> None:
    """Every point of theirs is one of ours; they leave some out that lie on a line."""
    risk, event, _, _ = columns(rows)
    roc, precision = own.curve(risk, event)
    false_alarms, recall, _ = sklearn_metrics.roc_curve(event, risk, drop_intermediate=False)
    assert roc == [pytest.approx(point) for point in zip(false_alarms, recall, strict=True)]
    precisions, recalls, _ = sklearn_metrics.precision_recall_curve(event, risk)
    for point in list(zip(recalls, precisions, strict=True))[:-1]:
        assert any(point == pytest.approx(ours) for ours in precision)


@given(LANDMARKS)
def test_concordance_equals_a_walk_over_all_pairs(rows: list[tuple[int, bool, int, int]]) -> None:
    """Pairs of different accounts of which the first churned while the second was still there."""
    risk, event, account, days = columns(rows)
    right, pairs = 0.0, 0
    for i, j in product(range(len(rows)), repeat=2):
        outlived = days[i] < days[j] or (days[i] == days[j] and not event[j])
        if i != j and account[i] != account[j] and event[i] and outlived:
            pairs += 1
            right += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    found = own.concordance(risk, days, event, account)
    assert found is None if pairs == 0 else found == pytest.approx(right / pairs)


@given(LANDMARKS)
def test_the_accounts_shares_add_up_to_the_auroc(rows: list[tuple[int, bool, int, int]]) -> None:
    """Weighted by their comparisons; each against a walk over its own."""
    risk, event, account, _ = columns(rows)
    shares = own.right_share(risk, event, account)
    total, pairs = 0.0, 0
    for number, found in shares.items():
        mine = [
            1.0 if (risk[i] - risk[j]) * (1 if event[i] else -1) > 0 else 0.5 if risk[i] == risk[j] else 0.0
            for i in np.flatnonzero(account == number)
            for j in np.flatnonzero(event != event[i])
        ]
        assert found == pytest.approx(sum(mine) / len(mine))
        total, pairs = total + sum(mine), pairs + len(mine)
    assert total / pairs == pytest.approx(own.auroc(risk, event))


@examples(20)
@given(LANDMARKS)
def test_a_bootstrap_weighs_whole_accounts(rows: list[tuple[int, bool, int, int]]) -> None:
    """All landmarks of one account have its weight, and as many accounts are drawn as there are."""
    *_, account, _ = columns(rows)
    for weight in own.samples(account, 5):
        by_account = {int(number): set(weight[account == number]) for number in account}
        assert all(len(weights) == 1 for weights in by_account.values())
        assert sum(weights.pop() for weights in by_account.values()) == len(by_account)


def test_an_interval_of_independent_accounts_is_that_of_the_binomial() -> None:
    """With one landmark an account the bootstrap of a share is the textbook's: p +- 1.96 sqrt(p (1 - p) / n)."""
    event = np.arange(400) % 5 == 0
    found = own.share(event, np.arange(400), 4000)
    assert found is not None
    assert found.interval is not None
    half = 1.96 * (0.2 * 0.8 / 400) ** 0.5
    assert found.interval == pytest.approx((0.2 - half, 0.2 + half), abs=0.005)


def test_repeating_an_accounts_landmarks_does_not_narrow_the_interval() -> None:
    """Twelve month-ends that say the same are no more than one: that is why accounts are drawn."""
    random = np.random.default_rng(3)
    event = np.arange(60) % 3 == 0
    risk = event + random.normal(0, 1, 60)
    once = own.discrimination(risk, event, np.arange(60), 500)
    often = own.discrimination(np.repeat(risk, 12), np.repeat(event, 12), np.repeat(np.arange(60), 12), 500)
    assert once is not None
    assert often is not None
    assert often.auroc.value == pytest.approx(once.auroc.value)
    assert often.auroc.interval == pytest.approx(once.auroc.interval)


def test_a_difference_is_paired() -> None:
    """A predictor that is the same in another unit differs by nothing at all, in every sample."""
    risk, event = np.array([1.0, 5, 2, 3, 4, 2]), np.array([True, True, False, False, True, False])
    first = own.discrimination(risk, event, np.arange(6), 200)
    second = own.discrimination(10 * risk + 3, event, np.arange(6), 200)
    assert first is not None
    assert second is not None
    assert own.difference(first, second) == (0.0, (0.0, 0.0))


@pytest.mark.parametrize(
    ("pages_a_year", "horizon_days", "why"),
    [
        (0.76, 180, "a usual rate"),
        (3.0, 90, "often"),
        (0.05, 365, "hardly ever"),
    ],
)
def test_chance_is_what_randomly_timed_pages_reach(pages_a_year: float, horizon_days: int, why: str) -> None:
    """Against 40,000 lives with pages thrown at random."""
    random = np.random.default_rng(11)
    rate = pages_a_year / 365
    first = random.exponential(1 / rate, 40_000)
    paged = first < horizon_days
    assert own.chance_recall(rate, horizon_days) == pytest.approx(paged.mean(), abs=0.01), why
    leads = horizon_days - first[paged]
    assert own.chance_lead_days(rate, horizon_days) == pytest.approx(np.median(leads), abs=horizon_days / 30), why


def test_nothing_is_made_up_where_a_kind_is_missing() -> None:
    """None is unknown, never 0.5."""
    risk, nobody = np.array([1.0, 2.0]), np.array([False, False])
    empty = np.zeros(0)
    assert own.auroc(risk, nobody) is None
    assert own.average_precision(risk, nobody) is None
    assert own.concordance(risk, risk, nobody, np.array([0, 1])) is None
    assert own.discrimination(risk, nobody, np.array([0, 1]), 10) is None
    assert own.auroc(empty, empty.astype(bool)) is None
    assert own.share(empty.astype(bool), empty.astype(int), 10) is None
    assert own.right_share(risk, nobody, np.array([0, 1])) == {}
    assert own.chance_lead_days(0, 180) is None
