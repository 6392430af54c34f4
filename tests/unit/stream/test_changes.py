"""The comparisons with earlier days: their points add up to the change, and none of it is invented."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.contracts.health_override import HealthOverride
from stream.contracts.report import BANDS
from stream.kinds.state import AccountState
from stream.measures import measure
from stream.measures.catalogue import HISTORY_DAYS
from stream.scoring.evaluation import build_report, evaluate
from stream.scoring.scorecard import Line, Scorecard, Veto
from stream.scoring.shipped import DEFAULT
from tests.examples import examples
from tests.streams import CORE, Raw, fold, make_stream

TODAY = 20_089  # the last day of a stream of 100 days
UNKNOWN_EARLIER = Line("balance", "adoption", "usage", 30, ((0, 0), (1, 100)), "balance")


def card(cap_score: float, hours: int) -> Scorecard:
    """The default with vetoes, and with a measure that is known as of now only."""
    vetoes = (
        Veto("stuck", "escalation_running_hours", "tickets", hours, None, round(cap_score, 1), "stuck", "hours"),
        Veto("few", "mau", "usage", None, 3, 50, "few people"),
    )
    return replace(DEFAULT, lines=(*DEFAULT.lines, UNKNOWN_EARLIER), vetoes=vetoes)


@st.composite
def overrides(draw: st.DrawFn) -> list[HealthOverride]:
    """Some of the last 40 days' verdicts by hand, and some clearings."""
    found = []
    for _ in range(draw(st.integers(0, 4))):
        set_ms = (TODAY - draw(st.integers(0, 40))) * DAY_MS
        expires_ms = set_ms + draw(st.integers(0, 30)) * DAY_MS
        if draw(st.booleans()):
            found.append(HealthOverride(set_ms, expires_ms, "ann", "why", score=draw(st.integers(0, 100))))
        else:
            band = draw(st.sampled_from(BANDS[:4]))
            found.append(HealthOverride(set_ms, expires_ms, "ann", "why", band=band))
    return sorted(found)


@examples(150)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.integers(1, 500),
    cap_score=st.floats(0, 100),
    hours=st.integers(0, 72),
    by_hand=overrides(),
    days_after=st.integers(0, 30),
)
def test_points_add_up_to_the_score_and_changes_to_its_change_over_7_and_28_days(
    seed: int, size: int, cap_score: float, hours: int, by_hand: list[HealthOverride], days_after: int
) -> None:
    scorecard = card(cap_score, hours)
    _, partition = fold(make_stream(seed, size, 100))
    for account_id, state in partition.states.items():
        state.overrides = by_hand
        as_of_ms = end_of_day_ms(TODAY + days_after)
        report = build_report(account_id, state, as_of_ms, scorecard, CORE)
        found = evaluate(state, as_of_ms, scorecard, CORE)
        assert (found.score, found.band, found.coverage_ratio) == (report.score, report.band, report.coverage_ratio)
        assert (report.override is not None) == (report.model_band is not None) == (found.override is not None)
        if report.score is None:
            assert (report.score_7d_ago, report.score_28d_ago, report.changes_7d, report.changes_28d) == (
                *(None, None),
                *([], []),
            )
            continue
        model = report.score if report.override is None else report.model_score
        if model is not None:
            points = [item.points for item in report.contributions] + [cap.points for cap in report.caps]
            assert sum(points) == pytest.approx(model, abs=0.051)
        for before, changes in (
            (report.score_7d_ago, report.changes_7d),
            (report.score_28d_ago, report.changes_28d),
        ):
            if before is None:
                assert changes == []
                continue
            assert sum(change.points for change in changes) == pytest.approx(report.score - before, abs=0.11)
            assert [change.points for change in changes] == sorted(change.points for change in changes)


@examples(60)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.integers(1, 60),
    span_days=st.integers(1, 60),
    by_hand=overrides(),
    coverage_min_ratio=st.sampled_from([0.0, 0.3, 40 / 115, 0.6, 1.0]),
)
def test_no_comparison_is_left_out_that_could_be_made(
    seed: int, size: int, span_days: int, by_hand: list[HealthOverride], coverage_min_ratio: float
) -> None:
    """What can't be known then is found out before it is measured: measuring it all the same changes no report."""
    scorecard = replace(DEFAULT, coverage_min_ratio=coverage_min_ratio)
    _, partition = fold(make_stream(seed, size, span_days))
    as_of_ms = end_of_day_ms(TODAY - 99 + span_days)
    for account_id, state in partition.states.items():
        state.overrides = by_hand
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("stream.scoring.changes.may_be_enough", lambda fed, scorecard: True)
            measured = build_report(account_id, state, as_of_ms, scorecard, CORE)
        assert build_report(account_id, state, as_of_ms, scorecard, CORE) == measured


@examples(40)
@given(seed=st.integers(0, 1 << 32), size=st.integers(1, 500), days_after=st.integers(0, 30))
def test_a_report_that_goes_on_from_an_evaluation_is_the_one_made_from_the_start(
    seed: int, size: int, days_after: int
) -> None:
    scorecard = card(40, 24)
    _, partition = fold(make_stream(seed, size, 100))
    as_of_ms = end_of_day_ms(TODAY + days_after)
    for account_id, state in partition.states.items():
        found = evaluate(state, as_of_ms, scorecard, CORE)
        report = build_report(account_id, state, as_of_ms, scorecard, CORE, found=found)
        assert report == build_report(account_id, state, as_of_ms, scorecard, CORE)
        assert report.measures == measure(state, as_of_ms, CORE)


def month(users: int, first: int, last: int) -> list[Raw]:
    """Everybody on every day, days counted back from today."""
    use: Raw = {"type": "usage", "account_id": "acme", "feature": "export"}
    return [
        use | {"event_id": f"{back}-{user}", "user_id": f"u{user}", "timestamp": (TODAY - back) * DAY_MS}
        for back in range(first, last - 1, -1)
        for user in range(users)
    ]


def state_of(events: list[Raw]) -> AccountState:
    _, partition = fold(events)
    return partition.states["acme"]


@pytest.mark.parametrize("days", [7, 14, 28])
def test_the_score_of_then_is_what_was_judged_then(days: int) -> None:
    """The same facts as of then: what happened since changes nothing of it. Balance, which is not known, stays out."""
    seats: Raw = {"type": "account", "account_id": "acme", "licensed_seats": 10, "timestamp": 1}
    before = [seats, *month(5, 120, days)]
    known = replace(DEFAULT, lines=tuple(line for line in DEFAULT.lines if line.measure not in HISTORY_DAYS))
    then = build_report("acme", state_of(before), end_of_day_ms(TODAY - days), known, CORE)
    now = build_report("acme", state_of([*before, *month(2, days - 1, 0)]), end_of_day_ms(TODAY), known, CORE)
    assert then.score is not None
    assert now.score is not None
    assert now.score < then.score
    if days == 7:
        assert now.score_7d_ago == then.score
    if days == 28:
        assert now.score_28d_ago == then.score


def test_a_measure_that_is_not_known_as_of_then_moves_nothing() -> None:
    """Half of the use by two of five people, then by one of two: 28 days ago it is not known, so no change of it."""
    scorecard = replace(DEFAULT, lines=(*DEFAULT.lines, UNKNOWN_EARLIER))
    report = build_report(
        "acme", state_of([*month(5, 120, 20), *month(2, 19, 0)]), end_of_day_ms(TODAY), scorecard, CORE
    )
    assert {"users_for_half", "balance"} & {change.measure for change in report.changes_28d} == set()
    assert {change.measure for change in report.changes_28d} >= {"use_vs_best"}


def test_an_account_younger_than_the_days_has_no_comparison() -> None:
    report = build_report("acme", state_of(month(5, 18, 0)), end_of_day_ms(TODAY), DEFAULT, CORE)
    assert report.score_7d_ago is None  # it was new then
    assert (report.score_28d_ago, report.changes_28d) == (None, [])


def test_a_fall_of_a_fortnight_is_told_as_such() -> None:
    """Five people for months, one of them for the last two weeks: the week holds half of it."""
    report = build_report("acme", state_of([*month(5, 120, 14), *month(1, 13, 0)]), end_of_day_ms(TODAY), DEFAULT, CORE)
    assert report.reason_days == 14
    assert report.reason.startswith("down ")
    assert " in 14 days: use " in report.reason


def answer(back: int, score: int) -> Raw:
    facts = {"event_id": f"a{back}", "response_id": f"a{back}", "user_id": "u1", "survey": "nps", "score": score}
    return facts | {"type": "survey", "account_id": "acme", "timestamp": (TODAY - back) * DAY_MS}


@pytest.mark.parametrize(
    ("answers", "newly", "no_longer", "up", "why"),
    [
        ([answer(3, 0)], ["nps"], [], False, "a first answer, and a bad one, is no loss of the account's"),
        ([answer(3, 10)], ["nps"], [], None, "nor is a good one a gain; it is as good as the rest"),
        ([answer(92, 0)], [], ["nps"], True, "an answer that expired is no gain"),
        ([answer(60, 0)], [], [], None, "one that counts on both sides is no news"),
        ([answer(92, 0), answer(60, 0)], [], [], None, "nor is one that gives way to another"),
    ],
)
def test_what_counts_by_another_rule_is_told_apart_with_what_it_does(
    answers: list[Raw], newly: list[str], no_longer: list[str], up: bool | None, why: str
) -> None:
    events = [*month(5, 120, 0), *answers]
    report = build_report("acme", state_of(events), end_of_day_ms(TODAY), DEFAULT, CORE)
    week_ago = [event for event in events if int(str(event["timestamp"])) < (TODAY - 6) * DAY_MS]
    before = build_report("acme", state_of(week_ago), end_of_day_ms(TODAY - 7), DEFAULT, CORE)
    assert report.score is not None
    assert before.score is not None
    assert sum(abs(change.points) for change in report.changes_7d) < 0.5, why
    recount = report.recount_7d
    if not newly and not no_longer:
        assert recount is None, why
        assert "counted" not in report.reason
        return
    assert recount is not None
    assert (recount.newly_counted, recount.no_longer_counted) == (newly, no_longer), why
    moved = sum(change.points for change in report.changes_7d)
    assert report.score - before.score == pytest.approx(moved + recount.points, abs=0.11), why
    assert "down" not in report.reason
    assert ("newly counted: NPS" if newly else "no longer known, so not counted: NPS") in report.reason
    if up is not None:
        assert (recount.points > 1) if up else (recount.points < -1)
        assert f"that alone: {'+' if up else '−'}" in report.reason
