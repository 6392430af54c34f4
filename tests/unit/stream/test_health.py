"""The evaluation: contributions make the score, deltas make its change, and what is unknown counts neither way."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.contracts.report import BANDS, Contribution, HealthReport
from stream.kinds.state import AccountState
from stream.scoring.evaluation import build_report
from stream.scoring.result import NEW_DAYS
from stream.scoring.scorecard import Line, Scorecard
from stream.scoring.shipped import DEFAULT, PREVIOUS
from tests.examples import examples
from tests.streams import CORE, Raw, fold, make_stream

TODAY = 20_500
NOW = end_of_day_ms(TODAY)


def usage(days: range, users: int = 4, feature: str = "export", tag: str = "") -> list[Raw]:
    """Each user once on each day, counted back from today."""
    base = {"type": "usage", "account_id": "acme", "feature": feature}
    return [
        base | {"event_id": f"{tag}{back}-{user}", "user_id": f"u{user}", "timestamp": (TODAY - back) * DAY_MS + user}
        for back in reversed(days)
        for user in range(users)
    ]


def ticket(ticket_id: str, back: int, status: str = "opened", priority: str = "urgent") -> Raw:
    event = {"type": "ticket", "account_id": "acme", "event_id": f"{ticket_id}{status}", "ticket_id": ticket_id}
    return event | {"status": status, "priority": priority, "timestamp": (TODAY - back) * DAY_MS}


def answer(user: str, back: int, score: int, survey: str = "nps") -> Raw:
    event = {"type": "survey", "account_id": "acme", "event_id": f"{user}{back}{survey}", "user_id": user}
    return event | {"survey": survey, "score": score, "timestamp": (TODAY - back) * DAY_MS}


def seats(count: int | None) -> Raw:
    return {"type": "account", "account_id": "acme", "licensed_seats": count}


def state_of(events: list[Raw]) -> AccountState:
    _, partition = fold(events)
    return partition.states.get("acme", AccountState())


def report_of(*parts: list[Raw] | Raw, as_of_ms: int = NOW, core: frozenset[str] = frozenset()) -> HealthReport:
    events = [event for part in parts for event in (part if isinstance(part, list) else [part])]
    return build_report("acme", state_of(events), as_of_ms, DEFAULT, core)


def measures_in(report: HealthReport) -> dict[str, Contribution]:
    return {item.measure: item for item in report.contributions}


@examples(120)
@given(st.integers(0, 1 << 32), st.integers(1, 400), st.sampled_from([1, 8, 31, 70, 200]), st.integers(-7, 60))
def test_contributions_sum_to_the_score_and_changes_to_its_change(
    seed: int, size: int, span_days: int, days_after: int
) -> None:
    _, partition = fold(make_stream(seed, size, span_days))
    for account_id, state in partition.states.items():
        newest_day = max(state.usage.newest_day, 20_089)
        report = build_report(account_id, state, end_of_day_ms(newest_day + days_after), DEFAULT, CORE)
        assert report.band in BANDS
        assert 0 <= report.coverage_ratio <= 1
        losses = [item.points_lost for item in report.contributions]
        assert losses == sorted(losses, reverse=True)
        if report.contributions:
            assert sum(item.weight_ratio for item in report.contributions) == pytest.approx(1)
        for item in report.contributions:
            assert 0 <= item.measure_score <= 100
            assert item.points == pytest.approx(item.weight_ratio * item.measure_score)
        if report.score is None:
            assert report.band in ("unknown", "inactive")
            continue
        assert 0 <= report.score <= 100
        assert sum(item.points for item in report.contributions) == pytest.approx(report.score, abs=0.051)
        if report.score_7d_ago is not None:
            moved = sum(change.points for change in report.changes_7d)
            assert moved == pytest.approx(report.score - report.score_7d_ago, abs=0.11)
            points = [change.points for change in report.changes_7d]
            assert points == sorted(points)


def test_the_score_of_a_week_ago_is_what_was_judged_then() -> None:
    """The same facts as of then: what happened since changes nothing of it."""
    then_ms = end_of_day_ms(TODAY - 7)
    before = [seats(10), *usage(range(7, 90), users=5), ticket("t", 20, "opened", "low"), answer("u1", 30, 9)]
    since = [*usage(range(7), users=2), ticket("t2", 3)]
    then = report_of(before, as_of_ms=then_ms)
    now = report_of(before, since)
    assert then.score is not None
    assert now.score_7d_ago == then.score
    assert now.score is not None
    assert now.score < then.score


def test_an_account_that_is_used_well_and_broadly_is_healthy() -> None:
    report = report_of(
        seats(5), usage(range(200), users=5), ticket("t", 80), ticket("t", 79, "solved"), answer("u1", 40, 10)
    )
    assert report.band == "healthy"
    assert report.score is not None
    assert report.score > 90
    assert report.reason.startswith("steady")


def test_nothing_known_is_unknown_and_has_no_score() -> None:
    report = report_of()
    assert (report.score, report.band, report.coverage_ratio, report.contributions) == (None, "unknown", 0.0, [])
    assert report.reason == "too little is known for a score (known: nothing yet)"


def test_too_little_coverage_is_unknown_and_not_healthy() -> None:
    """Ten out of ten in the only survey says little of the rest."""
    report = report_of(answer("u1", 5, 10), answer("u2", 5, 10))
    assert report.coverage_ratio == pytest.approx(12 / 120, abs=1e-4)
    assert (report.score, report.band) == (None, "unknown")
    assert report.reason == "too little is known for a score (known: sentiment)"


def test_a_deserted_account_is_critical_and_not_unknown() -> None:
    report = build_report("acme", state_of([seats(5), *usage(range(60, 150), users=5)]), NOW, PREVIOUS)
    found = measures_in(report)
    assert report.measures["mau"] == 0
    assert report.band == "critical"
    assert report.score == 0.0
    assert found["frequency_30d"].value == 0
    assert found["frequency_30d"].measure_score == 0.0
    assert report.measures["frequency_30d"] is None  # a mean over nobody stays unknown where it is a number


def test_a_deserted_account_whose_seats_are_unknown_is_critical_too() -> None:
    assert report_of(usage(range(100, 190), users=5)).band == "critical"


@pytest.mark.parametrize(
    ("part", "measures"),
    [
        ([ticket("t", 5)], {"open_urgent_tickets", "support_incident_rate", "escalation_running_hours"}),
        ([answer("u1", 5, 3)], {"nps"}),
        ([answer("u1", 5, 3, "csat")], {"csat"}),
    ],
)
def test_what_a_source_never_told_counts_neither_way(part: list[Raw], measures: set[str]) -> None:
    """Without the source its measures stay out, though a count of nothing would be 0; with it they are in."""
    without = report_of(usage(range(80)))
    assert not measures & set(measures_in(without))
    assert measures <= set(measures_in(report_of(usage(range(80)), part)))
    assert report_of(usage(range(80)), part).coverage_ratio > without.coverage_ratio


def test_missing_weight_is_shared_out_in_proportion() -> None:
    found = measures_in(report_of(usage(range(80))))
    weights = {line.measure: line.weight for line in DEFAULT.lines}
    shares = {name: item.weight_ratio / weights[name] for name, item in found.items()}
    assert max(shares.values()) == pytest.approx(min(shares.values()))
    assert set(found) == {"use_vs_best", "p_alive", "top_user_gap"}


def test_depth_counts_only_with_a_catalogue() -> None:
    state = state_of(usage(range(80)))
    assert "depth" not in measures_in(build_report("acme", state, NOW, PREVIOUS))
    found = measures_in(build_report("acme", state, NOW, PREVIOUS, frozenset({"export", "import"})))
    assert found["depth"].value == 0.5


def test_no_answers_in_ninety_days_are_unknown_again() -> None:
    assert "nps" in measures_in(report_of(usage(range(80)), answer("u1", 89, 3)))
    assert "nps" not in measures_in(report_of(usage(range(80)), answer("u1", 90, 3)))


@pytest.mark.parametrize(
    ("score", "band"),
    [
        *((100, "healthy"), (75, "healthy"), (74.9, "watch"), (50, "watch"), (49.9, "at_risk")),
        *((25, "at_risk"), (24.9, "critical"), (0, "critical")),
    ],
)
def test_bands_begin_at_their_floors(score: float, band: str) -> None:
    assert DEFAULT.band(score) == band


@pytest.mark.parametrize(("least", "known"), [(25 / 120, True), (25.1 / 120, False)])
def test_the_least_coverage_is_still_enough(least: float, known: bool) -> None:
    """Of 120 points of weight the only urgent ticket, NPS and silence of tickets say 25."""
    card = replace(DEFAULT, coverage_min_ratio=least)
    report = build_report("acme", state_of([ticket("t", 1), answer("u1", 1, 9)]), NOW, card)
    assert report.coverage_ratio == pytest.approx(25 / 120, abs=1e-4)
    assert (report.score is not None) is known


@pytest.mark.parametrize(
    ("value", "score"),
    [
        (-5, 0.0),  # below the first point it is flat
        (0, 0.0),
        (0.25, 25.0),
        (0.5, 50.0),  # on a point
        (0.75, 75.0),
        (1, 100.0),
        (7, 100.0),  # beyond the last point it is flat
    ],
)
def test_a_curve_is_linear_between_its_points_and_flat_beyond(value: float, score: float) -> None:
    line = Line("x", "g", "usage", 1, ((0, 0), (0.5, 50), (1, 100)), "x")
    assert line.score(value) == pytest.approx(score)


@pytest.mark.parametrize("line", DEFAULT.lines, ids=lambda line: line.measure)
def test_the_default_curves_are_well_formed(line: Line) -> None:
    points, scores = [x for x, _ in line.curve], [y for _, y in line.curve]
    assert all(a < b for a, b in pairwise(points))
    assert scores in (sorted(scores), sorted(scores, reverse=True))  # one direction: better is better throughout
    assert (min(scores) >= 0, max(scores)) == (True, 100)
    assert line.weight > 0
    assert DEFAULT.line(line.measure) is line


def test_a_scorecard_knows_its_own_measures_only() -> None:
    assert len({line.measure for line in DEFAULT.lines}) == len(DEFAULT.lines)
    assert {line.measure for line in DEFAULT.lines} <= set(report_of().measures)
    with pytest.raises(KeyError):
        DEFAULT.line("mau")


@pytest.mark.parametrize(
    ("days", "band"),
    [
        (1, "unknown"),  # on the first morning one user of ten is not neglect
        (NEW_DAYS - 1, "unknown"),
        (NEW_DAYS, "healthy"),  # every weekday was seen twice
    ],
)
def test_the_usage_of_a_new_account_is_not_held_against_it(days: int, band: str) -> None:
    report = report_of(usage(range(days), users=1))
    assert report.band == band
    assert report.measures["days_known"] == days


def test_a_new_account_is_judged_by_what_else_it_says() -> None:
    """Tickets and answers need no month to mean something."""
    report = report_of([*usage(range(2)), ticket("t", 1), answer("u1", 1, 9), answer("u1", 1, 4, "csat")])
    assert report.score is not None
    assert {item.group for item in report.contributions} == {"support", "sentiment"}


def test_a_scorecard_of_ones_own_counts() -> None:
    own = Scorecard(
        "own@1", (Line("dau", "adoption", "usage", 1, ((0, 0), (8, 100)), "daily users"),), DEFAULT.band_floors, 0.5
    )
    report = build_report("acme", state_of(usage(range(NEW_DAYS), users=2)), NOW, own)
    assert (report.score, report.band, report.scorecard) == (25.0, "at_risk", "own@1")


@pytest.mark.parametrize(("answers_min", "answers", "nps"), [(1, 1, True), (3, 2, False), (3, 3, True)])
def test_what_too_few_answered_is_unknown_and_counts_neither_way(answers_min: int, answers: int, nps: bool) -> None:
    lines = tuple(replace(line, answers_min=answers_min if line.measure == "nps" else 1) for line in DEFAULT.lines)
    events = [*usage(range(60)), ticket("t", 1), *(answer(f"u{n}", 1, 9) for n in range(answers))]
    state = state_of(events)
    own, shipped = (build_report("acme", state, NOW, card) for card in (replace(DEFAULT, lines=lines), DEFAULT))
    assert ("nps" in {item.measure for item in own.contributions}) is nps
    assert (own.measures["nps"], own.coverage_ratio == shipped.coverage_ratio) == (100.0, nps)


def test_a_stop_is_told_in_the_reason_with_numbers_that_are_on_the_chart() -> None:
    """Four people a day for 81 of its 90 days: 3.6 user-days a day, 50 in two weeks, of which 20 are left."""
    report = report_of(usage(range(9, 90)))
    assert report.score is not None
    assert report.score_7d_ago is not None
    assert report.score < report.score_7d_ago - 10
    assert report.reason.startswith(f"down {report.score_7d_ago - report.score:.0f} in 7 days: ")
    assert "use of the last 2 weeks at 46% of its best half-year (20 of 50 user-days) since" in report.reason


@pytest.mark.parametrize(
    ("events", "known"),
    [
        (usage(range(NEW_DAYS)), False),  # younger than a week when it was new
        (usage(range(NEW_DAYS + 6)), False),  # still new at the close of the day seven days ago
        (usage(range(NEW_DAYS + 7)), True),
        ([ticket("t", 40), answer("u1", 40, 9), answer("u1", 40, 4, "csat")], False),  # never used
    ],
)
def test_the_week_before_is_known_once_there_was_one(events: list[Raw], known: bool) -> None:
    report = report_of(events)
    assert (report.score_7d_ago is not None) is known
    assert bool(report.changes_7d) <= known


def test_the_profile_is_carried_and_unknown_fields_of_it_are_not() -> None:
    event: Raw = {"type": "account", "account_id": "acme", "name": "Acme", "mrr": 5, "owner": None, "goals": []}
    report = report_of(event | {"started_at": "2025-01-01T00:00:00+02:00"})
    assert (report.name, report.profile.mrr, report.profile.owner) == ("Acme", 5.0, None)
    assert report.profile.started_at is not None
    assert report.profile.started_at.isoformat() == "2024-12-31T22:00:00+00:00"
    assert report.last_event_at is None


def test_judging_changes_nothing() -> None:
    state = state_of([*usage(range(80)), ticket("t", 5), answer("u1", 5, 3), seats(5)])
    before: Any = repr(state)
    first = build_report("acme", state, NOW, DEFAULT, CORE)
    assert repr(state) == before
    assert build_report("acme", state, NOW, DEFAULT, CORE) == first


@pytest.mark.parametrize(
    ("after", "below", "why"),
    [
        (13, 50, "two weeks without anybody"),
        (30, 25, "a month: critical, however glad they were and however quiet support is"),
        (88, 25, "as long as the answers count"),
        (200, 25, "and when they have expired"),
    ],
)
def test_a_total_stop_is_critical_whatever_old_answers_say(after: int, below: float, why: str) -> None:
    """Ten people on every working day for more than a year, all of them promoters; then nobody."""
    last = TODAY - after
    events: list[Raw] = [
        {"type": "usage", "account_id": "acme", "event_id": f"{day}-{user}", "user_id": f"u{user}", "feature": "f"}
        | {"timestamp": day * DAY_MS}
        for day in range(last - 420, last + 1)
        if (day + 3) % 7 < 5
        for user in range(10)
    ]
    glad = [answer(f"u{user}", after, 10) for user in range(10)] + [answer("u1", after, 5, "csat")]
    report = report_of([*events, *glad, ticket("t", 300), ticket("t", 299, "solved")])
    assert report.score is not None
    assert report.score < below, why
    if after == 13:
        assert report_of([*events, *glad], as_of_ms=end_of_day_ms(last)).score > 90  # type: ignore[operator]
