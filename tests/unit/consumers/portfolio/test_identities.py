"""What holds for every company, whatever was recorded and in whatever order."""

import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.portfolio.days import day_number, parse_periods
from consumers.portfolio.entries import STATUSES
from consumers.portfolio.figures import BY_ID, FIGURES, MOVEMENT_FIGURES
from consumers.portfolio.query import Query
from consumers.portfolio.store import Store
from consumers.portfolio.tables import BY_ACCOUNT
from heartline.synthetic.business import business
from tests.examples import examples
from tests.unit.consumers.portfolio.books import RULES, Event, records

PERIODS = parse_periods("2025-06..2025-12")
TODAY = day_number(datetime(2026, 3, 31, tzinfo=UTC).date())  # the last months of the year, when all has happened

changes = st.builds(
    lambda account, subscription, status, day, ahead, price, currency, term, discount: {
        "type": "subscription",
        "account_id": account,
        "subscription_id": subscription,
        "status": status,
        "timestamp": f"2025-{1 + day // 28:02}-{1 + day % 28:02}T0{day % 10}:00:00Z",
        "product": "core" if subscription == "s1" else "extra",
        **({"moved_to": "b"} if status == "moved" else {}),
        **({"amount": price, "currency": currency} if price is not None else {}),
        **({"effective_at": f"2026-0{1 + ahead}-01T00:00:00Z"} if ahead is not None and status == "cancelled" else {}),
        **({"term_end": f"2025-{term:02}-20T00:00:00Z"} if term is not None else {}),
        **({"discount": discount} if discount is not None else {}),
    },
    account=st.sampled_from("abc"),
    subscription=st.sampled_from(("s1", "s2")),
    status=st.sampled_from(STATUSES),
    day=st.integers(0, 12 * 28 - 1),
    ahead=st.none() | st.integers(0, 2),
    price=st.none() | st.sampled_from((0, 9.99, 33.333, 120, 45)),
    currency=st.sampled_from(("EUR", "EUR", "USD", "JPY")),
    term=st.none() | st.integers(2, 12),
    discount=st.none() | st.sampled_from((0.1, 0.333, 1)),
)
rates = st.lists(
    st.builds(
        lambda currency, month, rate: {
            "type": "rate",
            "date": f"2025-{month:02}-10",
            "currency": currency,
            "rate": rate,
            "timestamp": f"2025-{month:02}-10T00:00:00Z",
        },
        currency=st.sampled_from(("USD", "JPY")),
        month=st.integers(1, 12),
        rate=st.sampled_from((0.9, 0.0061, 1.03)),
    ),
    max_size=6,
)

links = st.lists(
    st.builds(
        lambda alias, account, day: {
            "type": "account",
            "account_id": account,
            "aliases": [alias],
            "timestamp": f"2025-{1 + day // 28:02}-{1 + day % 28:02}T12:00:00Z",
        },
        alias=st.sampled_from("abc"),
        account=st.sampled_from("abcd"),
        day=st.integers(0, 12 * 28 - 1),
    ),
    max_size=3,
    unique_by=lambda event: event["timestamp"],  # of two links of one moment the later to arrive holds
)


def numbered(events: list[Event]) -> list[Event]:
    return [{"event_id": f"e{index}"} | event for index, event in enumerate(events)]


def store_of(events: list[Event]) -> Store:
    store = Store(RULES)
    store.append(records(events))
    store.refresh()
    return store


def derived(store: Store) -> dict[str, list[Any]]:
    """Every derived row."""
    return {table.name: store.cursor().execute(f"FROM {table.name} ORDER BY ALL").fetchall() for table in BY_ACCOUNT}


@examples(15)
@given(st.lists(changes, max_size=14), rates, links)
def test_the_movements_lead_from_the_start_to_the_end(
    events: list[Event], rated: list[Event], linked: list[Event]
) -> None:
    store = store_of(numbered([*rated, *events, *linked]))
    by: Any
    for by in (None, "product"):
        values = Query(store.cursor(), RULES, TODAY).figures([BY_ID[id_] for id_ in MOVEMENT_FIGURES], PERIODS, by)
        found = {(each.figure, each.period, each.group): each.value for each in values}
        for period, group in {(each.period, each.group) for each in values}:
            start, new, back, more, less, gone, fx, end = (found[id_, period, group] for id_ in MOVEMENT_FIGURES)
            assert start + new + back + more - less - gone + fx == end  # type: ignore[operator]
        ends = {(each.period, each.group): each.value for each in values if each.figure == "arr"}
        for before, after in pairwise(PERIODS):
            for _, group in ends:
                assert found.get(("opening_arr", after.name, group), 0) == ends.get((before.name, group), 0)
    store.close()


@examples(15)
@given(st.lists(changes, max_size=14), rates)
def test_shares_stay_shares_and_nrr_is_never_below_grr(events: list[Event], rated: list[Event]) -> None:
    store = store_of(numbered([*rated, *events]))
    for each in Query(store.cursor(), RULES, TODAY).figures([f for f in FIGURES if f.cost is None], PERIODS):
        if BY_ID[each.figure].interval == "share" and each.value is not None:
            assert 0 <= each.value <= 1, each
            assert each.low is not None
            assert each.low <= each.value + 1e-12
        low, high = (bound * BY_ID[each.figure].scale for bound in BY_ID[each.figure].bounds)
        if each.low is not None and each.high is not None:  # of few accounts the formula alone would go beyond
            assert low <= each.low <= each.high <= high, each
    values = Query(store.cursor(), RULES, TODAY).figures([BY_ID["nrr"], BY_ID["grr"]], PERIODS)
    for net, gross in zip(values[::2], values[1::2], strict=True):
        assert (net.value is None) == (gross.value is None)
        if net.value is not None and gross.value is not None:
            assert net.value >= gross.value
            assert gross.value <= 1
    store.close()


@examples(10)
@given(st.lists(changes, max_size=12), rates, links, st.randoms(use_true_random=False))
def test_any_order_and_any_batches_give_the_same(
    events: list[Event], rated: list[Event], linked: list[Event], order: random.Random
) -> None:
    """Whoever is called otherwise, and whenever that is said."""
    everything = numbered([*rated, *events, *linked])
    one = store_of(everything)
    shuffled = order.sample(everything, len(everything))
    other = Store(RULES)
    by_arrival = records(shuffled)
    for index in range(0, len(by_arrival), 3):
        other.append(by_arrival[index : index + 3])
        if order.random() < 0.5:
            other.refresh()
    other.refresh()
    assert derived(other) == derived(one)
    one.close()
    other.close()


def test_a_rate_that_comes_after_everything_else_values_all_of_it() -> None:
    """Also terms that were cut short long before, which are up for renewal on their own day."""
    events = business(datetime(2026, 4, 1, tzinfo=UTC), 60, 1.5)
    one, other = store_of(events), Store(RULES)
    late = sorted(events, key=lambda event: event["type"] == "rate")
    for index in range(0, len(late), 500):
        other.append(records(late)[index : index + 500])
        other.refresh()
    assert derived(other) == derived(one)
    one.close()
    other.close()


def test_a_whole_company_shuffled_repeated_and_cut_into_batches_gives_the_same() -> None:
    """Corrections keep their order within the partition, as Kafka keeps it."""
    events = business(datetime(2026, 4, 1, tzinfo=UTC), 60, 1.5)
    one = store_of(events)
    latest: dict[str, int] = {event["event_id"]: index for index, event in enumerate(events)}
    once = [event for index, event in enumerate(events) if latest[event["event_id"]] == index]
    random.Random(3).shuffle(once)
    other = Store(RULES)
    arrivals = records(once, partitions=4)
    for index in range(0, len(arrivals), 400):
        other.append(arrivals[max(0, index - 50) : index + 400])
        other.refresh()
    ours, theirs = derived(one), derived(other)
    for name in ours:
        assert theirs[name] == ours[name], name
    one.close()
    other.close()


@pytest.mark.parametrize("by", [None, "segment", "owner", "plan", "cohort", "campaign"])
def test_groups_add_up_to_the_whole(by: Any) -> None:
    store = store_of(business(datetime(2026, 4, 1, tzinfo=UTC), 80, 1.5))
    sums = [figure for figure in FIGURES if figure.denominator is None and not figure.is_median]
    query = Query(store.cursor(), RULES, TODAY)
    whole = {(each.figure, each.period): each.numerator for each in query.figures(sums, PERIODS)}
    parts: dict[tuple[str, str], Any] = dict.fromkeys(whole, 0)
    for each in query.figures(sums, PERIODS, by):
        parts[each.figure, each.period] += each.numerator
    assert parts == whole
    store.close()


def test_the_accounts_behind_a_figure_add_up_to_it() -> None:
    store = store_of(business(datetime(2026, 4, 1, tzinfo=UTC), 80, 1.5))
    query = Query(store.cursor(), RULES, TODAY)
    for figure in FIGURES:
        if figure.cost is None and not figure.is_median and not (figure.denominator or "").startswith("DISTINCT"):
            (value,) = query.figures([figure], [PERIODS[-2]])
            parts = query.explain(figure, PERIODS[-2])
            assert sum(part.numerator or 0 for part in parts) == pytest.approx(value.numerator), figure.id
            assert sum(part.denominator or 0 for part in parts) == pytest.approx(value.denominator or 0), figure.id
    store.close()
