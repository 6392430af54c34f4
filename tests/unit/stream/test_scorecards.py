"""Scorecards from YAML: what is accepted, how every mistake is told, and how bands, vetoes and choice work."""

import contextlib
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.account import AccountState
from stream.clock import ManualClock
from stream.engine.partition import Partition
from stream.errors import ConfigError
from stream.health import band_of, judge, remembered
from stream.job import HealthJob, make_job
from stream.journey import Journey
from stream.measures import measure
from stream.report import SEVERITY, Band, decode_report
from stream.rolling import DAY_MS, end_of_day_ms
from stream.scorecard import DEFAULT, SHIPPED, Line, Scorecard, Scorecards, Veto
from stream.scorecard.catalogue import MEASURES
from stream.scorecard.places import FILE_BYTES_MAX
from stream.scorecard.reading import read_scorecards
from stream.settings import Settings
from tests.streams import CORE, TOPICS, Raw, fold, make_stream, record

LINE = "{weight: 1, curve: {0: 0, 10: 100}}"
PAGE = Path(__file__).resolve().parents[3] / "docs" / "scorecards.md"
GOOD = f"""
- name: big
  version: 2026-03
  for: {{segments: [enterprise], lifecycle_stages: [adopting, mature]}}
  coverage_min_ratio: 0.5
  dwell_days: 3
  bands:
    healthy: {{enter: 80, exit: 75}}
    watch: 50
    at_risk: {{enter: 25, exit: 20.5}}
  groups:
    adoption:
      weight: 30
      measures:
        mau: {{weight: 1, curve: {{0: 0, 10: 100}}, label: people, unit: days}}
        depth: {{weight: 2, curve: {{0: 0, 1: 100}}}}
    support:
      measures:
        open_tickets: {{weight: 7, curve: {{0: 100, 5: 0}}}}
  vetoes:
    - name: stuck
      measure: escalation_running_hours
      at_least: 72
      cap_score: 40
      label: an escalation runs for three days
- name: rest
  version: 1
  groups: {{use: {{measures: {{dau: {LINE}}}}}}}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cards.yaml"
    path.write_text(text, "utf-8")
    return path


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_scorecards(written(tmp_path, text))
    return str(caught.value).replace(str(tmp_path), "")


def test_everything_that_can_be_written_is_read(tmp_path: Path) -> None:
    big, rest = read_scorecards(written(tmp_path, GOOD)).cards
    assert (big.name, rest.name) == ("big@2026-03", "rest@1")
    assert big.lines[0] == Line("mau", "adoption", "usage", 10, ((0, 0), (10, 100)), "people", "days")
    assert big.lines[1] == Line("depth", "adoption", "usage", 20, ((0, 0), (1, 100)), "depth", "percent")
    assert (big.lines[2].weight, big.lines[2].source) == (7, "tickets")  # a group without a weight has its measures'
    assert list(big.band_floors) == [("healthy", 80), ("watch", 50), ("at_risk", 25), ("critical", 0)]
    assert list(big.band_exits) == [("healthy", 75), ("watch", 50), ("at_risk", 20.5), ("critical", 0)]
    label = "an escalation runs for three days"
    assert big.vetoes == (Veto("stuck", "escalation_running_hours", "tickets", 72, None, 40, label, "hours"),)
    assert (big.segments, big.lifecycle_stages) == (frozenset({"enterprise"}), frozenset({"adopting", "mature"}))
    assert (big.coverage_min_ratio, big.dwell_days) == (0.5, 3)
    assert [card.remembers for card in (big, rest)] == [True, False]
    assert (rest.coverage_min_ratio, rest.dwell_days) == (0.3, 0)
    assert rest.band_floors == DEFAULT.band_floors


def test_the_example_of_the_documentation_is_a_good_one(tmp_path: Path) -> None:
    example = PAGE.read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    names = [card.name for card in read_scorecards(written(tmp_path, example)).cards]
    assert names == ["enterprise@3", "everyone@1"]


def one(body: str, version: str = "1") -> str:
    return f"- name: own\n  version: {version}\n{body}"


def measures(text: str) -> str:
    return one(f"  groups:\n    use:\n      measures:\n        {text}\n")


FINE = f"  groups: {{use: {{measures: {{dau: {LINE}}}}}}}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (measures(f"maus: {LINE}"), "/cards.yaml:6: [0].groups.use.measures.maus: there is no measure 'maus'"),
        (measures(f"maus: {LINE}"), "did you mean mau"),
        (measures(f"feature_status: {LINE}"), "there is no measure 'feature_status' that is a number"),
        (measures("dau: {weight: 0, curve: {0: 0, 1: 1}}"), ":6: [0].groups.use.measures.dau.weight = 0: expected a"),
        (measures("dau: {weight: -1, curve: {0: 0, 1: 1}}"), "weight = -1: expected a weight above 0"),
        (measures("dau: {weight: much, curve: {0: 0, 1: 1}}"), "weight = 'much': expected a weight above 0"),
        (measures("dau: {weight: .nan, curve: {0: 0, 1: 1}}"), "weight = .nan: expected a weight above 0"),
        (measures("dau: {weight: .inf, curve: {0: 0, 1: 1}}"), "weight = .inf: expected a weight above 0"),
        (measures("dau: {weight: true, curve: {0: 0, 1: 1}}"), "weight = true: expected a weight above 0"),
        (measures("dau: {weight: , curve: {0: 0, 1: 1}}"), "weight = nothing: expected a weight above 0"),
        (measures("dau: {curve: {0: 0, 1: 1}}"), "[0].groups.use.measures.dau: weight is missing"),
        (measures("dau: {weight: 1, curve: {0: 0}}"), "expected 2 to 50 points of value: score"),
        (measures("dau: {weight: 1, curve: {1: 0, 0: 5}}"), "expected values that ascend"),
        (measures("dau: {weight: 1, curve: {a: 0, 1: 5}}"), "curve.a: expected a number before the colon"),
        (measures("dau: {weight: 1, curve: {0: 0, 1: 101}}"), "curve.1 = 101: expected a score from 0 to 100"),
        (measures("dau: {weight: 1, curve: [0, 1]}"), "curve = a list: expected a mapping"),
        (measures("dau: {weight: 1, curve: {0: 0, 1: 1}, unit: miles}"), "unit = 'miles': expected one of count, pe"),
        (measures("dau: {wieght: 1}"), "dau.wieght: not known here; did you mean weight? accepted are weight, curve"),
        (measures(f"dau: {LINE}\n        dau: {LINE}"), ":7: [0].groups.use.measures.dau: stands here twice"),
        (
            one(f"  groups: {{a: {{measures: {{dau: {LINE}}}}}, b: {{measures: {{dau: {LINE}}}}}}}"),
            "[0].groups.b.measures.dau: is in another group, too",
        ),
        (
            one("  groups: {a: {weight: 0, measures: {dau: " + LINE + "}}}"),
            "[0].groups.a.weight = 0: expected a weight",
        ),
        (one("  groups: {}"), "[0].groups = a mapping: expected at least one group"),
        (one("  groups: {a: {measures: {}}}"), "expected at least one measure"),
        (one(""), ": [0]: groups is missing"),
        (one(FINE, version=""), "version = nothing: expected a version"),
        (one(FINE + "  bands: {healthy: 50, watch: 50, at_risk: 25}\n"), "thresholds cross"),
        (one(FINE + "  bands: {healthy: 40, watch: 50, at_risk: 25}\n"), "[0].bands.healthy: thresholds cross"),
        (
            one(FINE + "  bands: {healthy: {enter: 75, exit: 76}, watch: 50, at_risk: 25}\n"),
            "bands.healthy: thresholds",
        ),
        (one(FINE + "  bands: {healthy: 75, watch: {enter: 50, exit: 20}, at_risk: 25}\n"), "bands.watch: thresholds"),
        (one(FINE + "  bands: {healthy: 175, watch: 50, at_risk: 25}\n"), "bands.healthy = 175: expected a score from"),
        (one(FINE + "  bands: {healthy: 75, watch: 50}\n"), "[0].bands: at_risk is missing"),
        (one(FINE + "  dwell_days: 365\n"), "dwell_days = 365: expected days from 0 to 90"),
        (one(FINE + "  coverage_min_ratio: 30\n"), "coverage_min_ratio = 30: expected a share from 0 to 1"),
        (one(FINE + "  for: {lifecycle_stages: [old]}\n"), "lifecycle_stages[0] = 'old': expected one of trial, onboa"),
        (one(FINE + "  for: {segments: [smb]}\n"), "[0].for: the last scorecard, own@1, must be for all accounts"),
        (one(FINE + "  for: {}\n"), "leave `for` out where it is for all"),
        (one(FINE) + one(FINE), "[1].name = 'own@1': two scorecards have this name and version"),
        (one(FINE) + one(FINE, "2"), "[0]: own@1 is for all; no scorecard behind it is ever chosen"),
        (
            one(FINE + "  vetoes: [{name: dau, measure: dau, at_most: 0, cap_score: 9, label: x}]\n"),
            "vetoes[0].name = 'dau': expected a name that is not a measure's",
        ),
        (
            one(FINE + "  vetoes: [{name: n, measure: dau, at_most: 0, at_least: 0, cap_score: 9, label: x}]\n"),
            "[0].vetoes[0]: expected either at_least or at_most",
        ),
        ("name: own\n", "expected a list of scorecards, each with name, version and groups"),
        ("[]", "expected a list of scorecards"),
        ("", "empty; expected a list of scorecards"),
        ("a: [", "not valid YAML"),
        ("!!python/object/apply:os.system [ls]", "[0] = 'ls': expected a mapping of name"),
        ("[" * 5000, "nested too deeply"),
        ("[" * 30 + "]" * 30, ":1: nested more than 20 deep"),
        ("a: &a [*a]", "its aliases make more than 20000 values|nested more than 20 deep"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n"
                for a, b in zip("abcdefg", "bcdefgh", strict=True)
            ),
            "its aliases make more than 20000 values",
        ),
        ("#" * (FILE_BYTES_MAX + 1), f"larger than {FILE_BYTES_MAX} bytes"),
    ],
)
def test_every_mistake_names_its_place_and_what_is_accepted(tmp_path: Path, text: str, told: str) -> None:
    said = refusal(tmp_path, text)
    assert any(part in said for part in told.split("|")), said


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    said = refusal(tmp_path, measures(f"maus: {LINE}") + "  bands: 7\n  color: red\n").splitlines()
    assert [line.split(":")[1] for line in said[1:]] == ["6", "7", "8"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: No such file"):
        read_scorecards(tmp_path / "nowhere.yaml")


@given(st.integers(0, 1 << 32))
def test_a_broken_file_is_refused_and_never_crashes(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Lines lost, doubled and words replaced: either still good, or refused in words."""
    rng = random.Random(seed)
    lines = GOOD.splitlines()
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines))
        word = rng.choice(
            ["", "null", "-1", "[", "{}", "*x", "&x", "true", "1e999", "<<: 1", "? a", "2020-01-01", "\x07"]
        )
        lines[at : at + 1] = rng.choice(
            [[], [lines[at], lines[at]], [lines[at].replace("mau", word)], [lines[at] + word]]
        )
    path = tmp_path_factory.getbasetemp() / "broken.yaml"
    path.write_text("\n".join(lines), "utf-8")
    with contextlib.suppress(ConfigError):
        assert read_scorecards(path).cards


def test_a_scorecard_may_name_every_measure_that_is_a_number_and_no_other() -> None:
    numbers: set[str] = set()
    others = {"active_user_basis", "usage_trend_status", "milestone_next"}  # words
    for seed in range(30):
        _, partition = fold(make_stream(seed, 400, 150))
        for state in partition.states.values():
            journey = Journey(frozenset({"export" if seed % 2 else "never"}), ("export", "never"))
            found = measure(state, end_of_day_ms(state.activity.newest_day), CORE, journey)
            numbers |= {name for name, value in found.items() if isinstance(value, int | float)}
            others |= {name for name, value in found.items() if isinstance(value, dict)}
    assert numbers == set(MEASURES)
    assert numbers | others == set(measure(AccountState(), 0))


# The choice


@pytest.mark.parametrize(
    ("segment", "stage", "name"),
    [
        ("enterprise", "mature", "big@2026-03"),
        ("enterprise", "trial", "rest@1"),  # all conditions must hold
        ("smb", "mature", "rest@1"),
        (None, None, "rest@1"),
    ],
)
def test_an_account_gets_the_first_scorecard_that_is_for_it(
    tmp_path: Path, segment: str | None, stage: str | None, name: str
) -> None:
    cards = read_scorecards(written(tmp_path, GOOD))
    assert cards.choose({"segment": (segment, 0), "lifecycle_stage": (stage, 0)}).name == name
    assert SHIPPED.choose({"segment": (segment, 0)}) is DEFAULT


def test_the_worker_judges_by_the_scorecards_of_its_settings(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    job = make_job(Settings(scorecards=path), ManualClock(end_of_day_ms(20_000)))
    partition: Partition[AccountState] = Partition(0)
    profile = {"type": "account", "account_id": "acme", "segment": "enterprise", "lifecycle_stage": "mature"}
    use = {"type": "usage", "event_id": "e", "account_id": "acme", "user_id": "u", "feature": "f"}
    job.fold(partition, TOPICS.input("usage"), [record("usage", use | {"timestamp": 20_000 * DAY_MS})])
    told = [published(job, partition)]
    job.fold(partition, TOPICS.input("account"), [record("account", profile)])
    told.append(published(job, partition))
    assert told == [["rest@1"], ["big@2026-03"]]
    with pytest.raises(ConfigError, match=r"wrong scorecards"):
        make_job(Settings(scorecards=written(tmp_path, one(""))))


def published(job: HealthJob, partition: Partition[AccountState]) -> list[str]:
    for _ in job.judge(partition):
        pass
    outputs, partition.outputs = partition.outputs, []
    return [decode_report(output.value or b"").scorecard for output in outputs]


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
    day = state.activity.newest_day
    first = judge("acme", state, end_of_day_ms(day), STEADY)
    state.judged = remembered(None, first, end_of_day_ms(day), "")
    assert (state.judged.band_since_day, state.judged.scorecard) == (day, "default@1")
    again = remembered(state.judged, first, end_of_day_ms(day + 2), "")
    assert again.band_since_day == day
    worst = Scorecard("x@1", STEADY.lines, (("critical", 0.0),), 0.0)
    other = judge("acme", state, end_of_day_ms(day + 3), worst)
    assert remembered(again, other, end_of_day_ms(day + 3), "").band_since_day == day + 3
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
    report = judge("acme", partition.states["acme"], end_of_day_ms(20_000), card)
    plain = judge("acme", partition.states["acme"], end_of_day_ms(20_000), DEFAULT)
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
        assert "an escalation is stuck" in report.reason


def test_a_veto_that_takes_much_is_told_where_nothing_moved() -> None:
    card = replace(DEFAULT, vetoes=(replace(vetoing(), at_least=0.0),))  # holds now and a week ago
    _, partition = fold(
        [*stuck(90), stuck(90)[-2] | {"event_id": "o2", "ticket_id": "t2", "timestamp": 19_950 * DAY_MS}]
    )
    report = judge("acme", partition.states["acme"], end_of_day_ms(20_000), card)
    assert report.score == report.score_7d_ago == 40
    assert report.reason.startswith("steady; held back by capped at 40: an escalation is stuck, 90 h (−")


@settings(max_examples=100)
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
        report = judge(account_id, state, end_of_day_ms(max(state.activity.newest_day, 20_089) + days_after), card)
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
    report = judge("acme", partition.states["acme"], end_of_day_ms(20_004), card)
    assert "usage_trend_ratio" in {item.measure for item in report.contributions}
    (change,) = [change for change in report.changes_7d if change.measure == "usage_trend_ratio"]
    assert change.before == 1.0
    assert change.now == pytest.approx(24 / 28)


def test_the_first_of_several_scorecards_needs_no_memory_for_the_others_to_have_it() -> None:
    assert not Scorecards((DEFAULT,)).remember
    assert Scorecards((DEFAULT, STEADY)).remember
