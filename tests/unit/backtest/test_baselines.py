"""The baselines against plain counts, and the two that are fitted against what made the data."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.backtest import baselines
from tests.examples import examples

pytestmark = pytest.mark.xdist_group("scikit-learn")

USES = st.lists(st.integers(0, 4), min_size=1, max_size=220)


@examples(60)
@given(USES, st.data())
def test_simple_risks_are_plain_counts(users: list[int], data: st.DataObject) -> None:
    """Day by day from the list itself."""
    day = data.draw(st.integers(0, len(users) - 1))
    uses = baselines.Uses(users)
    since, week, peak = next(iter(baselines.simple_risks(uses, [day])))
    active = [at for at in range(day + 1) if users[at]]
    assert since == (day - active[-1] if active else day + 1)
    now, before = sum(users[max(day - 6, 0) : day + 1]), sum(users[max(day - 13, 0) : max(day - 6, 0)])
    assert week == pytest.approx(-(now + 1) / (before + 1))
    quarters = [sum(users[max(at - 89, 0) : at + 1]) for at in range(day + 1)]
    assert peak == pytest.approx(-(quarters[-1] + 5) / (max(quarters) + 5))
    weeks = sorted({at // 7 for at in active})
    expected = (len(weeks) - 1, weeks[-1] - weeks[0], day // 7 - weeks[0]) if weeks else (0, 0, 0)
    assert uses.rhythm(day) == expected


def test_folds_keep_an_account_together() -> None:
    """Else a fitted baseline would know the accounts that it is asked of."""
    account = np.repeat(np.arange(23), 7)
    fold = baselines.folds_by_account(account)
    assert len(np.unique(fold)) == baselines.FOLDS
    assert all(len(set(fold[account == number])) == 1 for number in range(23))


def test_a_logistic_regression_never_learns_from_whom_it_is_asked_of(sklearn_metrics: Any) -> None:
    """With features that say nothing but who an account is, the risk of others must be chance."""
    random = np.random.default_rng(5)
    account = np.repeat(np.arange(40), 12)
    fingerprint = np.repeat(random.normal(0, 1, (40, 3)), 12, axis=0)
    event = np.repeat(random.random(40) < 0.4, 12)
    risk = baselines.logistic_risk(fingerprint, event, account)
    assert abs(sklearn_metrics.roc_auc_score(event, risk) - 0.5) < 0.25
    told = baselines.logistic_risk(
        np.c_[fingerprint[:, :2], 2 * event + random.normal(0, 1, len(event))], event, account
    )
    assert sklearn_metrics.roc_auc_score(event, told) > 0.65


def test_bg_nbd_finds_the_parameters_that_made_a_history() -> None:
    """Simulated accounts: each week used at its own rate, each use the last with its own chance."""
    random = np.random.default_rng(2)
    r, alpha, a, b = 1.2, 3.0, 1.0, 4.0
    rows, alive = [], []
    for _ in range(1500):
        rate, leaving = random.gamma(r, 1 / alpha), random.beta(a, b)
        x, last, at, here = 0, 0.0, 0.0, True
        while here:
            at += random.exponential(1 / rate)
            if at > 60:
                break
            x, last = x + 1, at
            here = random.random() >= leaving
        rows.append((x, last, 60.0))
        alive.append(here)
    rhythm = np.array(rows)
    found = baselines.fitted_bg_nbd(rhythm)
    true = baselines.bg_nbd_log_likelihood(rhythm, (r, alpha, a, b))
    assert baselines.bg_nbd_log_likelihood(rhythm, found) >= true - 0.5
    chance = baselines.p_alive(rhythm, found)
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.01)):
        among = (chance >= low) & (chance < high)
        assert np.mean(np.array(alive)[among]) == pytest.approx(chance[among].mean(), abs=0.08)


def test_p_alive_of_one_account_is_the_papers_formula() -> None:
    """Two repeats in 10 weeks, silent for 20 since, by the published parameters."""
    parameters = (0.243, 4.414, 0.793, 2.426)
    expected = 1 / (1 + 0.793 / (2.426 + 1) * ((4.414 + 30) / (4.414 + 10)) ** 2.243)
    assert baselines.p_alive(np.array([[2.0, 10.0, 30.0]]), parameters)[0] == pytest.approx(expected)
    assert baselines.p_alive(np.array([[0.0, 0.0, 30.0]]), parameters)[0] == 1.0
