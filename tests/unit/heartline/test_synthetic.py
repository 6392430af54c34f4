"""The synthetic company: made of events that the contracts accept, the same every time, and lively enough."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.synthetic import CORE_FEATURES, DAYS, HISTORY_DAYS, customers, events, story_start
from stream.kinds.decode import validate
from tests.examples import examples

pytestmark = pytest.mark.xdist_group("synthetic-company")

NOW = datetime(2026, 5, 20, 13, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def company() -> list[dict[str, Any]]:
    """All events as of one moment."""
    return list(events(NOW))


def moment(event: dict[str, Any]) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(event["timestamp"])


def test_every_event_is_accepted_by_its_contract(company: list[dict[str, Any]]) -> None:
    """The demo must not fill the dead letters."""
    for event in company:
        validate(event["type"], {name: value for name, value in event.items() if name != "type"})


def test_the_same_moment_and_seed_give_the_same_events(company: list[dict[str, Any]]) -> None:
    """And another seed gives others."""
    assert list(events(NOW)) == company
    assert next(e["account_id"] for e in events(NOW, seed=8)) != company[0]["account_id"]


@examples(5)
@given(minutes=st.integers(0, 10 * 366 * 24 * 60))
def test_no_event_is_later_than_now_whenever_that_is(minutes: int) -> None:
    """At any time of day; in time order; within the days that are promised."""
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    moments = [moment(event) for event in events(now, count=6)]
    assert moments == sorted(moments)
    assert moments[-1] <= now
    assert moments[0] == story_start(now) - timedelta(days=HISTORY_DAYS)
    assert (now - story_start(now)).days == DAYS - 1


def test_there_are_forty_accounts_of_every_segment_and_enough_events(company: list[dict[str, Any]]) -> None:
    """Each account introduces itself once, before anything else of it."""
    kinds = Counter(event["type"] for event in company)
    assert kinds["account"] == 40
    assert kinds["usage"] > 40_000
    assert kinds["ticket"] > 300
    assert kinds["survey"] > 300
    assert kinds["subscription"] == 40
    assert kinds["touchpoint"] > 200
    assert kinds["outcome"] > 200
    assert {event["segment"] for event in company if event["type"] == "account"} == {"enterprise", "mid-market", "smb"}
    first = {event["account_id"]: event["type"] for event in reversed(company)}
    assert set(first.values()) == {"account"}


def test_ids_are_unique_and_users_belong_to_one_account(company: list[dict[str, Any]]) -> None:
    """Otherwise events would be taken for repeats."""
    ids = [event["event_id"] for event in company]
    assert len(ids) == len(set(ids))
    homes = defaultdict(set)
    for event in company:
        if "user_id" in event:
            homes[event["user_id"]].add(event["account_id"])
    assert all(len(accounts) == 1 for accounts in homes.values())
    people = {customer.account_id: customer for customer in customers(NOW)}
    assert all(len(person.users) <= person.licensed_seats for person in people.values())


def test_a_week_has_its_rhythm(company: list[dict[str, Any]]) -> None:
    """Weekends are quiet, so that nothing may take a Sunday for a decline."""
    days = Counter(moment(event).date() for event in company if event["type"] == "usage")
    weekdays = [count for day, count in days.items() if day.weekday() < 5 and day != NOW.date()]
    weekend = [count for day, count in days.items() if day.weekday() >= 5]
    assert max(weekend) < min(weekdays) / 2


@pytest.mark.parametrize(
    ("name", "before", "during", "most_ratio"),
    [
        ("declines", (0, 14), (50, 58), 0.35),
        ("declines early", (-20, 0), (26, 40), 0.3),
        ("collapses", (0, 20), (26, 50), 0.15),
        ("goes silent", (0, 16), (17, 59), 0.0),
        ("recovers", (-20, 0), (4, 9), 0.1),
    ],
)
def test_a_story_shows_in_the_use(
    company: list[dict[str, Any]], name: str, before: tuple[int, int], during: tuple[int, int], most_ratio: float
) -> None:
    """Events a day within the story's bad days, against the days before."""
    told = {customer.account_id for customer in customers(NOW) if customer.story.name == name}
    by_day = Counter(
        (moment(event) - story_start(NOW)).days
        for event in company
        if event["type"] == "usage" and event["account_id"] in told
    )

    def daily(days: tuple[int, int]) -> float:
        return sum(by_day[day] for day in range(*days)) / (days[1] - days[0])

    assert told
    assert daily(before) > 0
    assert daily(during) <= daily(before) * most_ratio


def test_the_catalogue_is_in_use(company: list[dict[str, Any]]) -> None:
    """Depth would be unknown or nothing otherwise."""
    assert set(CORE_FEATURES) < {event["feature"] for event in company if event["type"] == "usage"}
