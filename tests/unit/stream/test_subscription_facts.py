"""What subscriptions say of seats, worth and renewal, beside what the account feed says."""

from typing import Any

import pytest

from stream.calendar.day import DAY_MS
from stream.kinds.subscription import Term, money_of
from stream.measures import measure
from stream.scoring.evaluation import evaluate, profile_of
from stream.scoring.shipped import DEFAULT
from tests.streams import Raw, fold

DAY = 20_000
AS_OF = (DAY + 5) * DAY_MS


def change(subscription: str, status: str, day: int, **fields: Any) -> Raw:
    return {
        "type": "subscription",
        "event_id": f"{subscription}{status}{day}",
        "account_id": "acme",
        "subscription_id": subscription,
        "status": status,
        "timestamp": day * DAY_MS,
    } | fields


USE: Raw = {"type": "usage", "event_id": "u", "account_id": "acme", "user_id": "ann", "feature": "f"}
EVENTS = [
    USE | {"timestamp": DAY * DAY_MS},
    change("a", "started", DAY - 300, seats=3, mrr=100, renewal_at=(DAY + 65) * DAY_MS),
    change("b", "started", DAY - 200, seats=1, amount=600, currency="EUR", interval="year"),
    change("c", "trial_started", DAY - 2, mrr=900),
    change("d", "started", DAY - 90, seats=50, mrr=700),
    change("d", "cancelled", DAY - 1),
]


def test_running_subscriptions_tell_seats_worth_and_renewal() -> None:
    _, partition = fold(EVENTS)
    profile = profile_of(partition.states["acme"], AS_OF)
    assert (profile.licensed_seats, profile.mrr) == (4, 150.0)  # what ended is gone, a trial is worth nothing yet
    assert profile.renewal_at is not None
    assert round(profile.renewal_at.timestamp() * 1000) == (DAY + 65) * DAY_MS
    for at_ms in (AS_OF, (DAY - 100) * DAY_MS, (DAY - 500) * DAY_MS):  # one that is there, one that was, and none
        asked = evaluate(partition.states["acme"], at_ms, DEFAULT)
        assert asked.profile() == asked.profile() == profile_of(partition.states["acme"], at_ms)
    assert measure(partition.states["acme"], AS_OF)["license_utilization"] == 0.25


def test_the_profile_is_what_the_account_feed_says_and_measures_rest_on_the_subscriptions() -> None:
    """A contract that runs is what the customer pays for; the feed counts where it tells nothing."""
    account: Raw = {"type": "account", "account_id": "acme", "licensed_seats": 10, "mrr": 5, "currency": "usd"}
    _, partition = fold([*EVENTS, account])
    profile = profile_of(partition.states["acme"], AS_OF)
    assert (profile.licensed_seats, profile.mrr, profile.currency) == (10, 5.0, "EUR")
    assert measure(partition.states["acme"], AS_OF)["license_utilization"] == 0.25
    _, partition = fold([EVENTS[0], change("a", "started", DAY - 300, mrr=100), account])
    assert measure(partition.states["acme"], AS_OF)["license_utilization"] == 0.1
    _, partition = fold([EVENTS[0], *EVENTS[4:], account])
    assert profile_of(partition.states["acme"], AS_OF).currency == "USD", "nothing runs: the feed's money, in its own"


@pytest.mark.parametrize(
    ("currencies", "expected"),
    [
        (("EUR", "EUR"), (300.0, "EUR")),
        (("EUR", None), (300.0, "EUR")),
        ((None, None), (300.0, None)),
        (("EUR", "USD"), (None, None)),
    ],
)
def test_money_is_added_up_within_one_currency(
    currencies: tuple[str | None, ...], expected: tuple[float | None, str | None]
) -> None:
    terms_now = [
        Term(is_running=True, mrr=worth, currency=currency)
        for worth, currency in zip((100.0, 200.0), currencies, strict=True)
    ]
    assert money_of([*terms_now, Term(mrr=7.0, currency="GBP")]) == expected
