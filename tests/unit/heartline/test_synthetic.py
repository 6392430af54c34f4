"""The synthetic company: made of events that the contracts accept, the same every time, and lively enough."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartline.synthetic import CORE_FEATURES, DAYS, HISTORY_DAYS, STORIES, customers, events, story_start, troubles
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
    assert kinds["user"] > 400
    assert kinds["usage"] > 40_000
    assert kinds["ticket"] > 300
    assert kinds["survey"] > 300
    assert kinds["subscription"] >= 40
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
    assert all(len(customer.users) <= customer.licensed_seats for customer in customers(NOW))


def test_everybody_has_a_name_and_money_a_currency(company: list[dict[str, Any]]) -> None:
    """So that a message names people, and says what an amount is; no two colleagues are called the same."""
    for customer in customers(NOW):
        named = [event for event in company if event["type"] == "user" and event["account_id"] == customer.account_id]
        assert {event["user_id"]: event["name"] for event in named} == dict(
            zip(customer.users, customer.names, strict=True)
        )
        assert len(set(customer.names)) == len(customer.users)
        assert [event.get("role") for event in named][:2] == ["champion", "admin"]
    assert all("currency" in event for event in company if "mrr" in event)


def test_a_week_has_its_rhythm(company: list[dict[str, Any]]) -> None:
    """Weekends are quiet, so that nothing may take a Sunday for a decline."""
    days = Counter(moment(event).date() for event in company if event["type"] == "usage")
    weekdays = [count for day, count in days.items() if day.weekday() < 5 and day != NOW.date()]
    weekend = [count for day, count in days.items() if day.weekday() >= 5]
    assert max(weekend) < min(weekdays) / 2


@pytest.mark.parametrize(
    ("name", "before", "during", "most_ratio"),
    [
        ("declines", (-30, 8), (45, 58), 0.25),
        ("declines early", (-20, 0), (26, 40), 0.3),
        ("collapses", (0, 20), (26, 50), 0.15),
        ("goes silent", (0, 16), (17, 59), 0.0),
        ("recovers", (-20, 0), (4, 9), 0.1),
        ("champion leaves", (-30, 14), (50, 58), 0.45),
        ("contracts", (-30, 14), (30, 58), 0.5),
        ("cancels", (-30, 0), (49, 58), 0.0),
        ("grows", (40, 58), (-30, 0), 0.8),
        ("returns", (30, 58), (-60, 12), 0.0),
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


def test_ten_accounts_are_in_trouble_each_for_a_reason_of_its_own() -> None:
    """The others have stories, too: growth, a pilot, a term break, one that comes back."""
    found = troubles(NOW)
    assert len(found) == 10
    assert len(set(found.values())) == 10
    stories = {customer.account_id: customer.story for customer in customers(NOW)}
    assert {story.name for story in stories.values()} == {story.name for story in STORIES}
    assert {name for name, story in stories.items() if story.trouble is not None} == set(found)


def test_urgent_tickets_are_rare_and_follow_from_an_incident(company: list[dict[str, Any]]) -> None:
    """And tickets that wait bring worse answers than those that don't."""
    stories = {customer.account_id: customer.story for customer in customers(NOW)}
    opened = [event for event in company if event["type"] == "ticket" and event["status"] == "opened"]
    urgent = [event for event in opened if event["priority"] == "urgent"]
    assert 3 <= len(urgent) <= 12
    assert sum(stories[event["account_id"]].incident is not None for event in urgent) >= len(urgent) / 2
    of_storm: list[int] = []
    of_others: list[int] = []
    for event in company:
        if event["type"] == "survey" and event["survey"] == "csat":
            (of_storm if stories[event["account_id"]].name == "ticket storm" else of_others).append(event["score"])
    assert sum(of_storm) / len(of_storm) < sum(of_others) / len(of_others) - 0.5


def test_public_holidays_are_as_quiet_as_weekends() -> None:
    """Christmas Day 2026 is a Friday, in every country of theirs."""
    now = datetime(2026, 12, 31, 12, tzinfo=UTC)
    days = Counter(moment(event).date() for event in events(now, count=12) if event["type"] == "usage")
    christmas, before = datetime(2026, 12, 25, tzinfo=UTC).date(), datetime(2026, 12, 18, tzinfo=UTC).date()
    assert days[christmas] < days[before] / 2


def test_contracts_follow_their_story(company: list[dict[str, Any]]) -> None:
    """Every account has one, and what is told of it is what happened to it."""
    told = defaultdict(list)
    for event in company:
        if event["type"] == "subscription":
            told[event["account_id"]].append(event["status"])
    for customer in customers(NOW):
        changes = [change.status for change in customer.story.contract]
        begun = [] if changes and changes[0] in ("trial_started", "cancelled") else ["started"]
        assert told[customer.account_id] == begun + changes
