"""What the processor publishes: what a person could notice, and in what form; and how the processor is made."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.config.settings import Settings, WorkerSettings
from stream.contracts.errors import BadEvent
from stream.contracts.health_override import HealthOverride
from stream.contracts.report import Profile, decode_report, encode_report
from stream.kinds import outcome, survey, touchpoint
from stream.kinds.feeds import FeedSettings
from stream.kinds.state import AccountState, PublishedReport, newest_ms
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.scoring.evaluation import Evaluation, evaluate
from stream.scoring.publish_policy import facts_due, of_later_day, profile_digest, should_publish
from stream.scoring.shipped import DEFAULT
from stream.worker.health_processor import make_processor
from tests.events import event_of
from tests.streams import fold, make_stream
from tests.unit.stream.lives import DAY, Part, evaluated, fold_one, month, usage

NAME = repr(Profile(name="Acme"))
HOUR_MS = 3_600_000
LEFT = HealthOverride(5, 50, "ann", "sponsor left", 20.0)
BEFORE = PublishedReport(
    *(end_of_day_ms(DAY), 60.0, "watch", 0.6, 61.0, NAME, []),
    scorecard="default@1",
    last_event_ms=end_of_day_ms(DAY),
    day=DAY,
    reason_days=14,
    closings=(61.0, 70.0, None),
)


def found(**fields: Any) -> Evaluation:
    plain: dict[str, Any] = {
        "score": 60.0,
        "band": "watch",
        "coverage_ratio": 0.6,
        "scorecard": "default@1",
        "day": DAY,
        "override": None,
        "closings": (61.0, 70.0, None),
    }
    return Evaluation(**(plain | fields))


def digest(state: AccountState, as_of_ms: int, product: ProductConfig = NO_PRODUCT_CONFIG) -> str:
    return profile_digest(evaluate(state, as_of_ms, DEFAULT, product=product))


def calls(*days: int, answer_ms: int = 0) -> AccountState:
    """An account that was called on these days, and answered a survey."""
    state = AccountState() if answer_ms == 0 else answered(answer_ms)
    for day in days:
        touchpoint.fold(state.touchpoint, event_of(touchpoint.TouchpointEvent, day, event_id=str(day), kind="call"))
    return state


def answered(ms: int) -> AccountState:
    state = AccountState()
    survey.fold(state.survey, event_of(survey.SurveyEvent, ms, response_id="r1", survey="nps", user_id="u1", score=9))
    return state


def reached(ms: int, value: float) -> AccountState:
    state = AccountState()
    outcome.fold(state.outcome, event_of(outcome.OutcomeEvent, ms, goal="go live", value=value))
    return state


def used(*features: str) -> AccountState:
    _, partition = fold([usage(at) | {"feature": name} for at, name in enumerate(features)])
    return partition.states["acme"]


@pytest.mark.parametrize(
    ("changes", "news"),
    [
        ({}, False),  # the same again
        ({"score": 60.9}, False),  # less than a point
        ({"score": 59.1}, False),
        ({"score": 61.0}, True),  # a point
        ({"score": 59.0}, True),
        ({"score": None}, True),  # became unknown
        ({"band": "at_risk"}, True),  # another band, even within a point
        ({"scorecard": "default@2"}, True),
        ({"override": LEFT}, True),
        ({"coverage_ratio": 0.649}, False),
        ({"coverage_ratio": 0.65}, True),  # five percent of the scorecard more is known
        ({"day": DAY + 1}, False),  # a new day alone
        ({"closings": (60.1, 70.0, None)}, False),
        ({"closings": (60.0, 70.0, None)}, True),  # the comparison with a week ago moved by a point
        ({"closings": (61.0, 69.0, None)}, True),  # and the one that the reason told of
        ({"closings": (61.0, 70.0, 20.0)}, False),  # known by now; what was told did not rest on it
    ],
)
def test_news_is_what_a_person_could_notice(changes: dict[str, Any], news: bool) -> None:
    assert should_publish(BEFORE, found(**changes), NAME) is news


def test_another_profile_is_news_and_none_given_is_the_same() -> None:
    assert should_publish(BEFORE, found(), repr(Profile(name="Acme Corp")))
    assert not should_publish(BEFORE, found())


@pytest.mark.parametrize(
    ("last", "news"),
    [
        ("renewed", True),
        ("cancellation_requested", True),
        ("cancelled", True),
        ("started", False),  # the same again
    ],
)
def test_a_change_of_a_subscription_is_news_whatever_the_score_says(last: str, news: bool) -> None:
    def event(status: str, hour: int) -> dict[str, Any]:
        plain = {"type": "subscription", "event_id": status, "account_id": "acme", "subscription_id": "s1"}
        return plain | {"status": status, "timestamp": DAY * DAY_MS + hour * 3_600_000}

    _, before = fold([event("started", 1)])
    _, after = fold([event("started", 1), event(last, 1 if last == "started" else 2)])
    as_of_ms = end_of_day_ms(DAY)
    known = replace(BEFORE, digest=digest(before.states["acme"], as_of_ms))
    assert should_publish(known, found(), digest(after.states["acme"], as_of_ms)) is news


@pytest.mark.parametrize(
    ("state", "change", "product", "news"),
    [
        (calls(5), calls(5), NO_PRODUCT_CONFIG, False),
        # A call, also one that was entered late.
        (calls(5), calls(5, 7), NO_PRODUCT_CONFIG, True),
        (calls(7), calls(5, 7), NO_PRODUCT_CONFIG, True),
        # An answer, where somebody follows answers up: else it tells by the score alone.
        (AccountState(), answered(5), NO_PRODUCT_CONFIG, False),
        (AccountState(), answered(5), ProductConfig(follow_up_ms=1), True),
        (calls(5), calls(5, answer_ms=7), NO_PRODUCT_CONFIG, True),
        # How far they came, also for a goal that was told of earlier.
        (reached(5, 1.0), reached(6, 1.0), NO_PRODUCT_CONFIG, True),
        # A first step of those that the product names.
        (used("export"), used("export", "share"), NO_PRODUCT_CONFIG, False),
        (used("export"), used("export", "share"), ProductConfig(key_actions=frozenset({"share"})), True),
        (used("export"), used("export", "other"), ProductConfig(milestones=("share",)), False),
    ],
)
def test_what_people_enter_one_by_one_is_news(
    state: AccountState, change: AccountState, product: ProductConfig, news: bool
) -> None:
    before, after = digest(state, 9, product), digest(change, 9, product)
    assert should_publish(replace(BEFORE, digest=before), found(), after) is news


@pytest.mark.parametrize(
    ("closed_day", "is_scan", "has_moved", "answered_ms", "due"),
    [
        (DAY - 2, False, True, 0, "day"),  # the first look of a day, for an event or not
        (DAY - 2, True, False, 0, "day"),
        (DAY - 1, False, True, 0, None),  # an event within a day: with the next scan
        (DAY - 1, True, True, 0, "scan"),
        (DAY - 1, True, False, 0, "score"),  # only time went by
        (DAY - 1, True, False, end_of_day_ms(DAY) - 2 * DAY_MS, "scan"),  # an answer begins to wait by time alone
        (DAY - 1, True, False, end_of_day_ms(DAY) - 9 * DAY_MS, "score"),
    ],
)
def test_what_readers_rest_on_is_compared_where_it_can_have_changed(
    closed_day: int, is_scan: bool, has_moved: bool, answered_ms: int, due: str | None
) -> None:
    state = AccountState() if answered_ms == 0 else answered(answered_ms)
    state.closed_day = closed_day
    assert facts_due(state, DAY, end_of_day_ms(DAY), NO_PRODUCT_CONFIG, is_scan, has_moved) == due


def test_a_fact_of_an_alert_rule_is_published_with_the_next_scan_and_not_at_each_event() -> None:
    """Under an override no score moves; a second user of the day moves the users of the month."""
    clock = ManualClock(DAY * DAY_MS + 9 * HOUR_MS)
    override = {"score": 50, "owner": "ann", "reason": "known", "expires_at": "2026-01-01T00:00:00Z"}
    setting = {"type": "account", "account_id": "acme", "timestamp": DAY * DAY_MS, "health_override": override}
    processor, partition = fold([setting, *month(users=1)], clock=clock)
    assert [found.measures["mau"] for found in evaluated(processor, partition)] == [1]
    for number in range(3):
        clock.advance(seconds=60)
        fold_one(processor, partition, "usage", usage(900 + number, DAY, user_id=f"new{number}", ms=9 * HOUR_MS))
        assert evaluated(processor, partition) == []
    clock.advance(seconds=3600)
    assert [found.measures["mau"] for found in evaluated(processor, partition)] == [4]
    clock.advance(seconds=3600)
    assert evaluated(processor, partition) == [], "nothing changed since"


def test_an_override_that_ended_is_news() -> None:
    before = replace(BEFORE, override=LEFT)
    assert should_publish(before, found())
    assert not should_publish(before, found(override=LEFT))


@pytest.mark.parametrize(
    ("reason_days", "day", "news"),
    [
        (0, DAY + 1, False),  # nothing was told that could go stale
        (28, DAY, False),  # a move was told, and it is still the same day
        (28, DAY + 1, True),  # whether "in 28 days" still holds is not known: tell again
        (7, DAY + 1, False),  # known, and unmoved
    ],
)
def test_a_told_move_is_renewed_daily_where_no_closing_score_says_whether_it_holds(
    reason_days: int, day: int, news: bool
) -> None:
    """After a first load there are no closing scores for four weeks."""
    assert should_publish(replace(BEFORE, reason_days=reason_days), found(day=day)) is news


@pytest.mark.parametrize(
    ("event_day", "known_day", "news"),
    [(DAY, DAY, False), (DAY + 1, DAY, True), (DAY - 1, DAY, False), (DAY, None, True)],
)
def test_an_event_of_a_later_day_is_news(event_day: int, known_day: int | None, news: bool) -> None:
    """The same where history arrives that is older than the last evaluation."""
    _, partition = fold([usage(1, event_day)])
    before = replace(BEFORE, last_event_ms=None if known_day is None else end_of_day_ms(known_day))
    assert of_later_day(before, partition.states["acme"]) is news


def test_a_score_that_creeps_is_news_once_it_has_gone_a_point() -> None:
    """Compared with what was published, not with the last evaluation, or a slow fall would never be told."""
    assert not should_publish(BEFORE, found(score=59.4))
    assert should_publish(BEFORE, found(score=58.9))


def test_a_report_comes_back_from_its_topic_as_it_was() -> None:
    processor, partition = fold(make_stream(3, 300, 90))
    for found in evaluated(processor, partition):
        assert decode_report(encode_report(found)) == found


def test_a_report_of_an_earlier_version_is_read_without_what_came_later() -> None:
    processor, partition = fold(month())
    (report,) = evaluated(processor, partition)
    raw = json.loads(encode_report(report))
    for name in ("score_28d_ago", "changes_28d", "override", "model_score", "model_band", "freshness"):
        del raw[name]
    old = decode_report(json.dumps(raw).encode())
    assert (old.override, old.model_score, old.score_28d_ago, old.changes_28d, old.freshness) == (
        None,
        None,
        None,
        [],
        {},
    )


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"not json", b'{"account_id": 5}', b"\xff"])
def test_what_is_no_report_is_refused_in_words(value: bytes) -> None:
    with pytest.raises(BadEvent, match="expected a health report"):
        decode_report(value)


def test_the_job_is_made_as_the_settings_say() -> None:
    feed = FeedSettings(fields={"account_id": "org"})
    made = make_processor(Settings(worker=WorkerSettings(clock="event"), feeds={"usage": feed}))
    partition = Part(0)
    event = usage(1)
    event["org"] = event.pop("account_id")
    fold_one(made, partition, "usage", event)
    assert list(partition.states) == ["acme"]
    assert [found.account_id for found in evaluated(made, partition)] == ["acme"]
    assert newest_ms(partition.states["acme"]) == DAY * DAY_MS
