"""First value and milestones are those of the raw events, whatever the order of arrival."""

from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.config.settings import ProductSettings, Settings, load
from stream.contracts.errors import ConfigError
from stream.contracts.report import decode_report
from stream.kinds.state import AccountState, decode_state, encode_state
from stream.measures.milestones import progress
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.scoring.evaluation import build_report
from stream.scoring.scorecard import Line
from stream.scoring.shipped import DEFAULT
from stream.worker.account_partition import AccountPartition
from stream.worker.health_processor import make_processor
from tests.examples import examples
from tests.oracle.facts import alike
from tests.streams import TOPICS, Raw, arrive, epoch_ms, fold, make_stream, record

DAY = 20_100
JOURNEY = ProductConfig(frozenset({"export", "share"}), ("import", "export", "never"))
NAMES = {
    *("time_to_first_value_days", "first_value_waiting_days", "milestone_days", "milestones_reached"),
    *("milestones_per_30_days", "milestone_next", "milestone_stuck_days", "milestone_gap_days", "milestone_values"),
}


def expected(events: list[Raw], day: int, product: ProductConfig) -> dict[str, Any]:
    """The measures of one account from its raw events up to a day."""
    used = [(epoch_ms(event["timestamp"]) // DAY_MS, event["feature"]) for event in events if event["type"] == "usage"]
    given = [event["started_at"] for event in events if event.get("started_at")]
    began = min((at for at, _ in used), default=None)
    if given:
        began = (datetime.fromisoformat(given[-1]) - datetime.fromisoformat("1970-01-01T00:00:00Z")).days
    if began is None or began > day:
        return dict.fromkeys(NAMES) | {"milestone_days": {}, "milestone_gap_days": {}, "milestone_values": {}}
    past = [(at, feature) for at, feature in used if at <= day]
    firsts = [at for at, feature in past if feature in product.key_actions]
    first = {name: min(at for at, other in past if other == name) for name in {feature for _, feature in past}}
    reached = {name: max(first[name] - began, 0) for name in product.milestones if name in first}
    in_order = [name for name in product.milestones if name in reached]
    missing = [name for name in product.milestones if name not in first]
    return {
        "time_to_first_value_days": max(min(firsts) - began, 0) if firsts else None,
        "first_value_waiting_days": day - began if product.key_actions and not firsts else None,
        "milestone_days": reached,
        "milestones_reached": len(reached) if product.milestones else None,
        "milestones_per_30_days": 30 * len(reached) / (day - began + 1) if product.milestones else None,
        "milestone_next": missing[0] if missing else None,
        "milestone_stuck_days": day - began - max([0, *reached.values()]) if missing else None,
        "milestone_gap_days": {name: reached[name] - reached[before] for before, name in pairwise(in_order)},
        "milestone_values": {},
    }


@examples(120)
@given(
    st.integers(0, 1 << 32),
    st.integers(1, 60),
    st.sampled_from([5, 60, 400]),
    st.sampled_from([0, 30, 300]),
    st.integers(-200, 30),
    st.sampled_from([None, "2024-12-20T00:00:00Z", "2025-01-10T23:30:00Z"]),
    st.sampled_from(
        [
            JOURNEY,
            NO_PRODUCT_CONFIG,
            ProductConfig(frozenset({"import"})),
            ProductConfig(milestones=("share", "report")),
        ]
    ),
)
def test_first_value_and_milestones_are_those_of_the_raw_events(
    seed: int, size: int, span: int, late: int, days_after: int, started_at: str | None, product: ProductConfig
) -> None:
    """Also as of any earlier day, and with use that is later than every window."""
    events = make_stream(seed, size, span)
    if started_at is not None:
        events = [
            {"type": "account", "account_id": name, "started_at": started_at} for name in ("acme", "birch")
        ] + events
    _, partition = fold(arrive(events, seed + 1, late, 0.2) if started_at is None else events)
    for account_id, state in partition.states.items():
        own = [event for event in events if event["account_id"] == account_id]
        day = max((epoch_ms(event["timestamp"]) // DAY_MS for event in own if "timestamp" in event), default=DAY)
        found = progress(decode_state(encode_state(state)), day + days_after, product)
        wanted = expected(own, day + days_after, product)
        assert alike(found, wanted), (found, wanted)


def use(day: int, feature: str, number: int = 0) -> Raw:
    event = {"type": "usage", "account_id": "acme", "event_id": f"e{day}{feature}{number}", "user_id": "u"}
    return event | {"feature": feature, "timestamp": day * DAY_MS}


def test_the_example_of_an_account_that_is_stuck() -> None:
    """Begun on day 0, import on day 3, export on day 10, and nothing since."""
    _, partition = fold([use(DAY, "login"), use(DAY + 3, "import"), use(DAY + 10, "export")])
    found = progress(partition.states["acme"], DAY + 29, JOURNEY)
    assert found == {
        "time_to_first_value_days": 10,
        "first_value_waiting_days": None,
        "milestone_days": {"import": 3, "export": 10},
        "milestones_reached": 2,
        "milestones_per_30_days": 2.0,
        "milestone_next": "never",
        "milestone_gap_days": {"export": 7},
        "milestone_stuck_days": 19,
        "milestone_values": {},
    }
    waiting = progress(partition.states["acme"], DAY + 9, JOURNEY)
    assert (waiting["time_to_first_value_days"], waiting["first_value_waiting_days"]) == (None, 9)
    assert progress(AccountState(), DAY, JOURNEY)["milestones_reached"] is None


def test_the_worker_judges_by_the_products_key_actions_and_milestones() -> None:
    product = ProductSettings(key_actions=["export"], milestones=["export", "share"])
    processor = make_processor(Settings(product=product), ManualClock(end_of_day_ms(DAY + 5)))
    partition = AccountPartition(0)
    processor.fold(
        partition, TOPICS.input("usage"), [record("usage", use(DAY, "login")), record("usage", use(DAY + 4, "export"))]
    )
    for _ in processor.evaluate(partition):
        pass
    measures = decode_report(partition.outputs[-1].value or b"").measures
    assert (measures["time_to_first_value_days"], measures["milestone_next"]) == (4, "share")


def test_a_deserted_account_is_not_blamed_for_a_wait_that_is_over() -> None:
    """None because it was reached is no mean over nobody."""
    waiting = Line("first_value_waiting_days", "adoption", "usage", 5, ((0, 100), (30, 0)), "waiting", "days")
    card = replace(DEFAULT, lines=(*DEFAULT.lines, waiting))
    _, partition = fold([use(DAY, "export")])
    report = build_report("acme", partition.states["acme"], end_of_day_ms(DAY + 60), card, product=JOURNEY)
    assert "first_value_waiting_days" not in {item.measure for item in report.contributions}
    assert report.measures["mau"] == 0


def test_a_milestone_that_stands_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTLINE_PRODUCT__MILESTONES", '["import", "export", "import"]')
    with pytest.raises(
        ConfigError, match=r"product\.milestones.*expected each feature once, in its order.*'import'.*1 and 3"
    ):
        load(Settings)


SOLD = ProductConfig(
    milestones=("subscription.trial", "import", "subscription.paid", "subscription.upsell", "subscription.cross_sell")
)


def change(day: int, status: str, subscription: str = "s", **fields: Any) -> Raw:
    event = {"type": "subscription", "account_id": "acme", "event_id": f"c{subscription}{status}{day}"}
    return event | {"subscription_id": subscription, "status": status, "timestamp": day * DAY_MS} | fields


@pytest.mark.parametrize(
    ("events", "days", "values", "why"),
    [
        (
            [
                *(change(DAY, "trial_started"), change(DAY + 14, "trial_converted", mrr=100)),
                *(change(DAY + 90, "upgraded", mrr=150), change(DAY + 120, "started", "t", mrr=40, product="extra")),
            ],
            [0, 3, 14, 90, 120],
            [None, 100.0, 150.0, 190.0],
            "from a trial to what is paid for, to more of it, and to another product",
        ),
        (
            [
                change(DAY, "started", mrr=100, product="core"),
                change(DAY + 7, "started", "t", mrr=40, product="extra"),
            ],
            [3, 0, 7],
            [100.0, 140.0],
            "a second product is no upsell; both are worth something from then on",
        ),
        (
            [change(DAY, "started", mrr=0), change(DAY + 20, "upgraded", mrr=30), change(DAY + 40, "upgraded", mrr=45)],
            [3, 20, 40],
            [30.0, 45.0],
            "nothing is paid for a free plan: its upgrade is the purchase",
        ),
        (
            [change(DAY, "trial_started"), change(DAY + 5, "upgraded", mrr=80), change(DAY + 9, "trial_expired")],
            [0, 3],
            [None],
            "a trial of a larger plan that ends was never paid for",
        ),
        ([change(DAY, "started", mrr=90), change(DAY + 300, "upgraded", mrr=99)], [3, 0], [90.0], "still ahead"),
    ],
)
def test_commercial_steps_are_milestones_with_what_they_are_worth(
    events: list[Raw], days: list[int], values: list[float | None], why: str
) -> None:
    whole = [use(DAY, "login"), use(DAY + 3, "import"), *events]
    for order in (whole, whole[::-1]):
        _, partition = fold(order)
        found = progress(partition.states["acme"], DAY + 200, SOLD)
        assert list(found["milestone_days"].values()) == days, why
        assert list(found["milestone_values"].values()) == values, why
        assert found["milestone_next"] is None, "no account is stuck before a purchase"
