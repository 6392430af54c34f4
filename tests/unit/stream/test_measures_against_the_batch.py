"""Whatever the order of arrival, the fold's measures are those of a batch over the raw events."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.calendar.day import day_of, end_of_day_ms
from stream.kinds.state import AccountState, decode_state, encode_state, newest_ms
from stream.kinds.touchpoint import KEPT_DAYS
from stream.measures import Measures, measure
from stream.measures.catalogue import HISTORY_DAYS
from tests.examples import examples
from tests.oracle.batch import EPOCH, Batch
from tests.oracle.facts import all_names, differences, state_differences
from tests.streams import CORE, TICKET_DAYS, Raw, arrive, fold, make_stream

# Every measure there is but the words: the batch must have all of it, or the comparison would be empty.
MUST_COMPARE = {
    *("dau", "wau", "mau", "wau_previous", "mau_previous", "license_utilization", "license_utilization_daily"),
    *("active_user_rate_daily", "active_user_rate_weekly", "active_user_rate_monthly", "turnover_exposure"),
    *("stickiness", "frequency_30d", "users_daily", "users_weekly", "users_monthly", "users_for_half"),
    *("features_30d", "depth", "balance", "feature_adoption_rate", "features_per_active_user", "feature_status"),
    *("activity_change_ratio", "days_known", "days_since_active", "silence_ratio"),
    *("silence_working_days", "silence_limit_days"),
    *("tickets_opened_7", "tickets_opened_30", "tickets_opened_90", "tickets_opened_90_by_priority"),
    *("tickets_opened_90_by_category", "open_tickets", "open_tickets_by_priority", "open_urgent_tickets"),
    *(
        "open_urgent_hours",
        "oldest_open_at",
        "support_incident_rate",
        "escalated_tickets",
        "escalation_rate",
        "escalation_hours",
        "resolution_hours",
    ),
    *("escalation_running_hours", "nps", "nps_responses", "nps_previous", "detractor_run"),
    *("csat", "csat_mean", "csat_responses"),
    *("session_minutes", "components_per_session", "engagement_score", "breadth_change_ratio"),
    *("champions", "champions_gone", "champions_gone_users"),
    *("touchpoints_30", "touchpoints_90", "touchpoints_30_by_kind", "touchpoints_90_by_kind", "days_since_touchpoint"),
    *("open_feedback", "open_detractors", "open_promoters", "open_feedback_days"),
    *("open_detractor_days", "open_detractor_users"),
    *("outcome_attainment", "outcome_pace", "outcome_pace_min", "goals_off_track", "goals_unreported"),
    *("subscriptions_active", "cancellation_requested", "cancellation_requested_days", "mrr_active"),
    *("days_to_renewal", "lifecycle_stage", "lifecycle_stage_basis"),
    *("ces_mean", "usage_trend_ratio", "usage_trend_deviation", "usage_trend_status"),
}
# Usage that is later than 63 days does not count in its own day (docs/contracts.md).
OF_DAYS = {"usage_trend_ratio", "usage_trend_deviation", "usage_trend_status"}

# As of days before the newest event, these are None, or taken from what is remembered (docs/metrics.md).
NOT_EXACT_EARLIER = {
    *("feature_adoption_rate", "features_per_active_user", "balance", "feature_status"),
    *("open_tickets_by_priority", "open_urgent_tickets", "open_urgent_hours", "tickets_opened_90_by_priority"),
    "oldest_open_at",
    "tickets_opened_90_by_category",
}
OF_KNOWN_USERS = {"active_user_rate_daily", "active_user_rate_weekly", "active_user_rate_monthly"}

seeds = st.integers(0, 1 << 32)
sizes = st.integers(1, 500)
spans = st.sampled_from([1, 2, 8, 31, 64, 100, 200, 300])


def states_of(events: list[Raw], chunk_size: int = 1000) -> dict[str, AccountState]:
    """The states of the accounts with facts, as the changelog would give them back."""
    _, partition = fold(events, chunk_size)
    assert partition.outputs == []
    return {
        account_id: decode_state(encode_state(state))
        for account_id, state in partition.states.items()
        if newest_ms(state) is not None
    }


def last_day(states: dict[str, AccountState]) -> int:
    return max((day_of(newest_ms(state) or 0) for state in states.values()), default=20_000)


def on(day: int) -> date:
    return EPOCH + timedelta(days=day)


@examples(150)
@given(
    seeds, sizes, spans, seeds, st.sampled_from([0, 1, 30, 90]), st.sampled_from([0.0, 0.2, 1.0]), st.integers(0, 40)
)
@example(1, 500, 200, 2, 90, 0.2, 0)
@example(172, 9, 1, 0, 0, 0.0, 0)  # two tickets that wait, opened within one second
def test_shuffled_late_and_repeated_streams_give_the_batchs_measures(
    seed: int, size: int, span_days: int, order: int, late_days: int, repeats: float, days_after: int
) -> None:
    events = make_stream(seed, size, span_days)
    states = states_of(arrive(events, order, late_days, repeats), chunk_size=1 + order % 50)
    day = last_day(states) + days_after
    expected = Batch(events, CORE).at(on(day))
    without = OF_DAYS if late_days > 60 else set()
    assert state_differences(states, expected, end_of_day_ms(day), CORE, without) == {}


@examples(80)
@given(seeds, sizes, spans, seeds, st.sampled_from([0, 30, 60]), st.integers(1, 28))
@example(153313384, 235, 300, 0, 0, 25)
@example(655, 111, 300, 0, 0, 1)  # a contact after one that is forgotten
@example(339, 252, 200, 0, 0, 26)  # who of the champions is gone is not known of 24 days before the newest use
def test_measures_as_of_up_to_four_weeks_before_the_newest_event_are_the_batchs(
    seed: int, size: int, span_days: int, order: int, late_days: int, days_before: int
) -> None:
    events = opened_first(make_stream(seed, size, span_days))
    states = states_of(arrive(events, order, late_days, 0.1))
    day = last_day(states) - days_before
    for account_id, expected in Batch(events, CORE).at(on(day)).items():
        state = states[account_id]
        seats_known = state.profile.get("licensed_seats", (None, 0))[0] is not None
        without = NOT_EXACT_EARLIER if seats_known else NOT_EXACT_EARLIER | OF_KNOWN_USERS
        found = found_at(state, day)
        ahead = state.usage.newest_day - day  # of the account's own newest usage
        beyond = {name for name, reach in HISTORY_DAYS.items() if ahead > reach}
        assert all(found[name] in (None, [], {}) for name in beyond)  # a list and a mapping are never None
        without = without | beyond
        age, kept_day = expected["days_since_touchpoint"], day_of(state.touchpoint.newest_ms) - KEPT_DAYS
        if age is not None and day - age <= kept_day + 1:  # a newer contact has pushed it out; the day is the zone's
            assert found["days_since_touchpoint"] in (None, age)
            without = without | {"days_since_touchpoint"}
        if ahead > 0:
            assert (found["feature_adoption_rate"], found["features_per_active_user"]) == ({}, None)
        assert differences(found, expected, without) == {}


def found_at(state: AccountState, day: int) -> Measures:
    return measure(state, end_of_day_ms(day), CORE)


def opened_first(events: list[Raw]) -> list[Raw]:
    """The same stream where each ticket's first event opens it, as help desks send it."""
    seen: set[str] = set()
    made = []
    for event in events:
        if event["type"] == "ticket" and event["ticket_id"] not in seen:
            seen.add(event["ticket_id"])
            event = event | {"status": "opened"}
        made.append(event)
    return made


@examples(60)
@given(seeds, sizes, spans, seeds, st.integers(1, 60))
def test_any_interleaving_of_topics_and_any_chunking_gives_equal_facts(
    seed: int, size: int, span_days: int, order: int, chunk_size: int
) -> None:
    events = make_stream(seed, size, span_days)
    _, by_time = fold(events)
    _, by_topic = fold(sorted(events, key=lambda event: str(event["type"])), chunk_size)
    for account_id, state in by_time.states.items():
        other = by_topic.states[account_id]
        assert facts(other) == facts(state)


def facts(state: AccountState) -> tuple[Any, ...]:
    """What an account's events have made, kind by kind."""
    return (
        *(state.usage, state.ticket, state.survey, state.profile),
        *(state.touchpoint, state.outcome, state.subscription),
    )


def test_usage_repeated_within_the_last_500_events_counts_once_and_beyond_512_counts_again() -> None:
    base = {"type": "usage", "account_id": "acme", "user_id": "ann", "feature": "export"}
    events = [base | {"event_id": f"e{n}", "timestamp": 1_767_225_600_000 + n} for n in range(520)]
    remembered = states_of([*events, events[-500]])["acme"].usage  # the oldest id that is still remembered
    forgotten = states_of([*events, events[-513]])["acme"].usage
    assert (remembered.events, remembered.repeated) == (520, 1)
    assert (forgotten.events, forgotten.repeated) == (521, 0)


def test_the_comparison_compares_every_measure_and_would_notice() -> None:
    events = make_stream(5, 700, 100)
    states = states_of(events)
    day = last_day(states)
    expected = Batch(events, CORE).at(on(day))
    assert all_names(expected.values()) == MUST_COMPARE
    fewer = states_of([event for event in events if event.get("user_id") != "u0"])
    noticed = all_names(state_differences(fewer, expected, end_of_day_ms(day), CORE).values())
    assert {"mau", "nps", "users_for_half", "feature_adoption_rate"} <= noticed


def test_the_generated_streams_have_what_matters() -> None:
    """Late, repeated, closed and reopened things must really occur, or the properties above would prove little."""
    events = make_stream(7, 500, 200)
    processor, partition = fold(arrive(events, 3, 90, 0.3))
    activity = partition.states["acme"].usage
    assert activity.repeated > 10
    assert len(activity.users) > 3
    assert len(partition.states["acme"].ticket.tickets) >= 3
    assert TICKET_DAYS > 30
    assert processor.counts["repeated", "usage"] > 20


@pytest.mark.parametrize(
    ("late_days", "counts"),
    [
        (96, True),  # as of seven days before the newest event it lies 89 days back: inside of 90
        (97, False),  # no window asks for it any more
    ],
)
def test_usage_counts_while_a_window_can_still_ask_for_its_day(late_days: int, counts: bool) -> None:
    base = {"type": "usage", "account_id": "acme", "feature": "export"}
    newest = base | {"event_id": "new", "user_id": "ann", "timestamp": (20_000 + late_days) * 86_400_000}
    old = base | {"event_id": "old", "user_id": "bob", "timestamp": 20_000 * 86_400_000}
    activity = states_of([newest, old])["acme"].usage
    assert ("bob" in activity.users, activity.late) == (counts, 0 if counts else 1)
