"""What a scorecard does with a score: bands that remember, vetoes that cap, the trend that may count."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.contracts.report import SEVERITY, Band
from stream.scoring.band_history import band_of, published_report
from stream.scoring.evaluation import build_report
from stream.scoring.scorecard import Line, Scorecard, Scorecards, Veto
from stream.scoring.shipped import DEFAULT
from tests.examples import examples
from tests.streams import Raw, fold, make_stream

# Bands that remember

STEADY = replace(
    DEFAULT, band_exits=(("healthy", 70.0), ("watch", 40.0), ("at_risk", 25.0), ("critical", 0.0)), dwell_days=3
)


@pytest.mark.parametrize(
    ("score", "before", "days", "band", "why"),
    [
        (74, None, 0, "watch", "nothing to hold on to: the floors"),
        (74, "unknown", 9, "watch", "unknown is no band to hold on to"),
        (74, "healthy", 0, "healthy", "between exit and floor it holds"),
        (70, "healthy", 0, "healthy", "at the exit it still holds"),
        (69.9, "healthy", 0, "watch", "below the exit it falls, dwell or not"),
        (39, "healthy", 0, "at_risk", "and as far as it must"),
        (45, "healthy", 0, "watch", "but no further: 45 holds in watch"),
        (75, "watch", 3, "healthy", "it rises at the floor once it dwelt"),
        (75, "watch", 2, "watch", "and not before"),
        (74.9, "watch", 9, "watch", "below the floor it does not rise"),
        (90, "critical", 3, "healthy", "it rises over several bands at once"),
        (0, "watch", 1, "critical", "it falls over several bands at once"),
    ],
)
def test_a_band_is_entered_at_its_floor_and_left_at_its_exit(
    score: float, before: Band | None, days: int, band: Band, why: str
) -> None:
    assert STEADY.band(score, before, days) == band, why


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.integers(0, 5))
def test_a_band_improves_no_more_often_than_the_dwell_allows(scores: list[float], dwell: int) -> None:
    card = replace(STEADY, dwell_days=dwell)
    band: Band | None = None
    since = 0
    for day, score in enumerate(scores):
        new = card.band(score, band, day - since)
        if band is not None and SEVERITY[new] < SEVERITY[band]:
            assert day - since >= dwell
            assert score >= dict(card.band_floors)[new]
        assert score >= dict(card.band_exits)[new]  # nobody stays in a band below its exit
        if new != band:
            band, since = new, day


@given(st.floats(0, 100), st.sampled_from(["healthy", "watch", "at_risk", "critical"]), st.integers(0, 99))
def test_without_exits_and_dwell_the_score_alone_tells_the_band(score: float, before: Band, days: int) -> None:
    assert DEFAULT.band(score, before, days) == DEFAULT.band(score)


def test_since_when_a_band_holds_is_remembered_over_reports() -> None:
    _, partition = fold(make_stream(5, 400, 150))
    state = partition.states["acme"]
    day = state.usage.newest_day
    first = build_report("acme", state, end_of_day_ms(day), STEADY)
    state.published = published_report(None, first, end_of_day_ms(day), "")
    assert (state.published.band_since_day, state.published.scorecard) == (day, "default@2")
    again = published_report(state.published, first, end_of_day_ms(day + 2), "")
    assert again.band_since_day == day
    worst = Scorecard("x@1", STEADY.lines, (("critical", 0.0),), 0.0)
    other = build_report("acme", state, end_of_day_ms(day + 3), worst)
    assert published_report(again, other, end_of_day_ms(day + 3), "").band_since_day == day + 3
    assert band_of(again, None, day, STEADY) == "unknown"


# Vetoes


def stuck(hours: int) -> list[Raw]:
    """Everybody is there every day, and one ticket is escalated for some hours."""
    end = end_of_day_ms(20_000)
    use: Raw = {"type": "usage", "account_id": "acme", "feature": "f"}
    used: list[Raw] = [
        use | {"event_id": f"{day}-{user}", "user_id": f"u{user}", "timestamp": day * DAY_MS}
        for day in range(19_900, 20_001)
        for user in range(4)
    ]
    base: Raw = {"type": "ticket", "account_id": "acme", "ticket_id": "t", "priority": "normal"}
    return [
        *used,
        base | {"event_id": "o", "status": "opened", "timestamp": end - 100 * 3_600_000},
        base | {"event_id": "x", "status": "escalated", "timestamp": end - hours * 3_600_000},
    ]


def vetoing(cap_score: float = 40, name: str = "stuck") -> Veto:
    return Veto(name, "escalation_running_hours", "tickets", 72, None, cap_score, "an escalation is stuck", "hours")


@pytest.mark.parametrize(("hours", "score_max", "holds"), [(71, 100, False), (72, 40, True), (90, 40, True)])
def test_a_ticket_escalated_for_72_hours_caps_the_score(hours: int, score_max: float, holds: bool) -> None:
    unheard = Veto("unheard", "nps_responses", "surveys", None, 0, 1, "nobody answers")  # and no survey ever came
    card = replace(DEFAULT, vetoes=(vetoing(60, "loose"), vetoing(), unheard))
    _, partition = fold(stuck(hours))
    report = build_report("acme", partition.states["acme"], end_of_day_ms(20_000), card)
    plain = build_report("acme", partition.states["acme"], end_of_day_ms(20_000), DEFAULT)
    assert report.score is not None
    assert plain.score is not None
    assert [cap.name for cap in report.caps] == (["stuck", "loose"] if holds else [])
    assert report.score == (40 if holds else plain.score)
    assert report.score <= score_max
    assert (report.band == "at_risk") is holds
    if holds:
        assert report.caps[0].value == hours
        assert report.caps[0].points == pytest.approx(40 - plain.score, abs=0.06)
        assert report.caps[1].points == 0
        assert (report.caps[0].label, report.caps[0].unit) == ("an escalation is stuck", "hours")
        came = [change for change in report.changes_7d if change.measure == "stuck"]
        assert [(change.now, change.label, change.unit) for change in came] == [
            (hours, "an escalation is stuck", "hours")
        ]
        assert "an escalation is stuck" in report.reason


def test_a_veto_that_takes_much_is_told_where_nothing_moved() -> None:
    card = replace(DEFAULT, vetoes=(replace(vetoing(), at_least=0.0),))  # holds now and a week ago
    _, partition = fold(
        [*stuck(90), stuck(90)[-2] | {"event_id": "o2", "ticket_id": "t2", "timestamp": 19_950 * DAY_MS}]
    )
    report = build_report("acme", partition.states["acme"], end_of_day_ms(20_000), card)
    assert report.score == report.score_7d_ago == 40
    assert report.reason.startswith("steady; held back by capped at 40: an escalation is stuck, 90 h (−")


@examples(100)
@given(st.integers(0, 1 << 32), st.floats(0, 100), st.integers(0, 72), st.integers(0, 30))
def test_with_vetoes_points_still_add_up_to_the_score_and_changes_to_its_change(
    seed: int, cap_score: float, hours: int, days_after: int
) -> None:
    card = replace(
        DEFAULT,
        vetoes=(
            replace(vetoing(round(cap_score, 1)), at_least=float(hours)),
            Veto("few", "mau", "usage", None, 3, 50, "few people"),
        ),
    )
    _, partition = fold(make_stream(seed, 300, 100))
    for account_id, state in partition.states.items():
        report = build_report(account_id, state, end_of_day_ms(max(state.usage.newest_day, 20_089) + days_after), card)
        if report.score is None:
            assert report.caps == []
            continue
        points = [item.points for item in report.contributions] + [cap.points for cap in report.caps]
        assert sum(points) == pytest.approx(report.score, abs=0.051)
        assert all(report.score <= cap.cap_score for cap in report.caps)
        if report.score_7d_ago is not None:
            moved = sum(change.points for change in report.changes_7d)
            assert moved == pytest.approx(report.score - report.score_7d_ago, abs=0.11)


def test_a_scorecard_may_count_the_trend() -> None:
    """And then the week before has it, too."""
    line = Line(
        "usage_trend_ratio", "engagement", "usage", 50, ((0, 0), (1, 100)), "use against expectation", "percent"
    )
    card = replace(DEFAULT, lines=(*DEFAULT.lines, line))
    _, partition = fold(stuck(1))
    report = build_report("acme", partition.states["acme"], end_of_day_ms(20_004), card)
    assert "usage_trend_ratio" in {item.measure for item in report.contributions}
    (change,) = [change for change in report.changes_7d if change.measure == "usage_trend_ratio"]
    assert change.before == 1.0
    assert change.now == pytest.approx(24 / 28)


def test_the_first_of_several_scorecards_needs_no_memory_for_the_others_to_have_it() -> None:
    assert not Scorecards((DEFAULT,)).remember
    assert Scorecards((DEFAULT, STEADY)).remember
