"""The gauges: bounded, whole, and without the series of what is gone."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from alerts.account_facts import INACTIVE_STAGES
from alerts.evaluation import evaluate_rules
from alerts.model import AccountRecord
from alerts.rules import default_rules
from consumers.alerting.projection import HealthCollector, Projection
from stream.contracts.report import Profile
from tests.paged import RULES as PAGED_RULES
from tests.reports import MONDAY, band_of, make_report

RULES = [rule.name for rule in default_rules()]


class Gauges:
    """A projection with its collector in a fresh registry."""

    def __init__(self, worst_n: int = 3, pinned: tuple[str, ...] = (), segments_max: int = 2) -> None:
        self.projection = Projection()
        self.registry = CollectorRegistry()
        self.registry.register(HealthCollector(self.projection, RULES, worst_n, pinned, segments_max))

    def scores(self) -> dict[str, float]:
        """Every account with a series of its own."""
        return {
            sample.labels["account"]: sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == "heartline_account_health_score"
        }

    def get(self, name: str, **labels: str) -> float | None:
        """One sample."""
        return self.registry.get_sample_value(name, labels)


def remember(account_id: str, score: float | None, segment: str | None = "smb") -> AccountRecord:
    """What is remembered of an account after one report."""
    report = make_report(account_id, score, profile=Profile(segment=segment))
    record = evaluate_rules(None, report, PAGED_RULES, MONDAY + timedelta(minutes=1)).record
    assert record is not None
    return record


def test_only_the_worst_and_the_pinned_have_a_series() -> None:
    """The rest is a count, so that a large customer base can't flood Prometheus."""
    gauges = Gauges(worst_n=2, pinned=("best", "worst", "absent"))
    scores = {"best": 99, "good": 90, "fair": 60, "bad": 30, "worst": 5}
    gauges.projection.load(0, [remember(name, score) for name, score in scores.items()])
    assert gauges.scores() == {"worst": 5, "bad": 30, "best": 99}
    assert gauges.get("heartline_accounts_truncated") == 2


def test_an_account_without_a_score_has_no_series_and_is_counted_in_its_band() -> None:
    """Unknown is not 0."""
    gauges = Gauges()
    gauges.projection.load(0, [remember("new", None)])
    assert gauges.scores() == {}
    assert gauges.get("heartline_accounts_truncated") == 0
    assert gauges.get("heartline_accounts", band="unknown", segment="smb") == 1
    assert gauges.get("heartline_accounts", band="critical", segment="smb") == 0


@pytest.mark.parametrize("stage", INACTIVE_STAGES)
def test_who_is_no_customer_any_more_is_in_no_gauge_of_the_living(stage: str) -> None:
    gauges = Gauges()
    gauges.projection.load(0, [remember("a", 40), remember("b", 80)])
    report = make_report("a", 40, measures={"lifecycle_stage": stage}, profile=Profile(segment="smb"))
    left = evaluate_rules(remember("a", 40), report, PAGED_RULES, MONDAY + timedelta(days=1)).record
    gauges.projection.update(0, {"a": left})
    assert gauges.scores() == {"b": 80}
    assert gauges.get("heartline_accounts", band="at_risk", segment="smb") == 0
    assert gauges.get("heartline_alerts_open", rule="breadth_collapsed", severity="warning") == 0
    gauges.projection.update(0, {"a": remember("a", 60)})
    assert gauges.scores() == {"a": 60, "b": 80}, "back again"


def test_series_go_when_an_account_recovers_leaves_or_moves() -> None:
    """A stale series would be an alarm that nobody can end."""
    gauges = Gauges(worst_n=1)
    gauges.projection.load(0, [remember("a", 10), remember("b", 20)])
    gauges.projection.load(1, [remember("c", 30)])
    assert gauges.scores() == {"a": 10}
    gauges.projection.update(0, {"a": remember("a", 90)})
    assert gauges.scores() == {"b": 20}
    gauges.projection.update(0, {"b": None})
    assert gauges.scores() == {"c": 30}
    gauges.projection.drop(1)
    assert gauges.scores() == {"a": 90}


def test_open_alerts_follow_their_accounts() -> None:
    """Every rule and severity is there from the start, at 0."""
    gauges = Gauges()
    assert gauges.get("heartline_alerts_open", rule="score_dropped", severity="critical") == 0
    gauges.projection.load(0, [remember("a", 40), remember("b", 10), remember("c", 80)])
    assert gauges.get("heartline_alerts_open", rule="breadth_collapsed", severity="warning") == 1
    assert gauges.get("heartline_alerts_open", rule="breadth_collapsed", severity="critical") == 1
    assert gauges.get("heartline_segment_alerts_open", rule="breadth_collapsed", segment="smb") == 2
    gauges.projection.drop(0)
    assert gauges.get("heartline_segment_alerts_open", rule="breadth_collapsed", segment="smb") is None
    assert gauges.get("heartline_alerts_open", rule="breadth_collapsed", severity="warning") == 0


def test_segments_are_bounded() -> None:
    """A feed that invents segments can't invent series without end: the largest have a name, the rest is `other`."""
    gauges = Gauges(segments_max=2)
    segments = ["smb"] * 3 + ["mid"] * 2 + [f"junk-{number}" for number in range(50)] + [None]
    gauges.projection.load(0, [remember(f"a{n}", 80, segment) for n, segment in enumerate(segments)])
    series = [sample for family in gauges.registry.collect() for sample in family.samples]
    named = {sample.labels["segment"] for sample in series if sample.name == "heartline_accounts"}
    assert named == {"smb", "mid", "other"}
    assert gauges.get("heartline_accounts", band="healthy", segment="smb") == 3
    assert gauges.get("heartline_accounts", band="healthy", segment="other") == 51


def test_a_segment_called_other_is_not_lost_among_the_others() -> None:
    """It is added to them, and no series is exported twice."""
    gauges = Gauges(segments_max=1)
    gauges.projection.load(0, [remember("a", 80, "other"), remember("b", 80, "other"), remember("c", 80, "smb")])
    assert gauges.get("heartline_accounts", band="healthy", segment="other") == 3


step = st.tuples(
    st.integers(0, 1),
    st.sampled_from("abcdef"),
    st.one_of(st.none(), st.integers(0, 100).map(float)),
    st.sampled_from(["put", "put", "put", "remove", "drop"]),
)


@given(st.lists(step, max_size=40))
def test_counts_are_what_counting_anew_gives(steps: list[tuple[int, str, float | None, str]]) -> None:
    """Kept as they change, and equal to a recount after any history."""
    gauges = Gauges(worst_n=2, segments_max=5)
    expected: dict[int, dict[str, float | None]] = {0: {}, 1: {}}
    gauges.projection.load(0, [])
    gauges.projection.load(1, [])
    for partition, letter, score, action in steps:
        name = f"{letter}{partition}"
        if action == "put":
            gauges.projection.update(partition, {name: remember(name, score)})
            expected[partition][name] = score
        elif action == "remove":
            gauges.projection.update(partition, {name: None})
            expected[partition].pop(name, None)
        else:
            gauges.projection.load(partition, [])
            expected[partition] = {}
    accounts = expected[0] | expected[1]
    for band in ("healthy", "watch", "at_risk", "critical", "unknown"):
        count = sum(band_of(score) == band for score in accounts.values())
        assert (gauges.get("heartline_accounts", band=band, segment="smb") or 0) == count
    known = sorted(score for score in accounts.values() if score is not None)
    assert sorted(gauges.scores().values()) == known[:2]
    flags = sum(band_of(score) in ("at_risk", "critical") for score in accounts.values())
    assert sum(gauges.projection.open_alerts.values()) == flags


@pytest.mark.parametrize("worst_n", [0, 1])
def test_the_bound_may_be_zero(worst_n: int) -> None:
    """Then only aggregates are exported."""
    gauges = Gauges(worst_n=worst_n)
    gauges.projection.load(0, [remember("a", 10)])
    assert len(gauges.scores()) == worst_n
    assert gauges.get("heartline_accounts_truncated") == 1 - worst_n


def healthy_with(account_id: str, segment: str, **portfolio_metrics: float | None) -> AccountRecord:
    """What is remembered of an account with these measures."""
    seats = portfolio_metrics.pop("licensed_seats", None)
    profile = Profile(segment=segment, licensed_seats=int(seats) if seats is not None else None)
    report = make_report(account_id, 80.0, profile=profile, measures=portfolio_metrics)
    record = evaluate_rules(None, report, PAGED_RULES, MONDAY + timedelta(minutes=1)).record
    assert record is not None
    return record


VITALS = st.fixed_dictionaries(
    {
        "dau": st.none() | st.integers(0, 9),
        "wau": st.none() | st.integers(0, 20),
        "mau": st.none() | st.integers(0, 50),
        "licensed_seats": st.none() | st.integers(1, 100),
        "depth": st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0]),
        "nps": st.none() | st.sampled_from([-100.0, -25.0, 0.0, 50.0, 100.0]),
        "nps_responses": st.none() | st.just(4),
    }
)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["smb", "large"]), VITALS), max_size=12))
def test_the_totals_are_the_sums_over_the_accounts_that_are_there(
    steps: list[tuple[str, str, dict[str, float | None]]],
) -> None:
    """Accounts change, move between segments, and an unknown number is in no sum."""
    gauges = Gauges(segments_max=5)
    gauges.projection.load(0, [])
    latest: dict[str, tuple[str, dict[str, float | None]]] = {}
    for account, segment, portfolio_metrics in steps:
        latest[account] = (segment, portfolio_metrics)
        gauges.projection.update(0, {account: healthy_with(account, segment, **portfolio_metrics)})
    for segment in {segment for segment, _ in latest.values()}:
        mine = [portfolio_metrics for where, portfolio_metrics in latest.values() if where == segment]
        assert gauges.get("heartline_active_users", window="mau", segment=segment) == sum(v["mau"] or 0 for v in mine)
        licensed = [v for v in mine if v["licensed_seats"] is not None and v["mau"] is not None]
        assert gauges.get("heartline_licensed_seats", segment=segment) == sum(
            v["licensed_seats"] or 0 for v in licensed
        )
        assert gauges.get("heartline_licensed_active_users", segment=segment) == sum(v["mau"] or 0 for v in licensed)
        deep = [v["depth"] for v in mine if v["depth"] is not None]
        assert gauges.get("heartline_depth_ratio_sum", segment=segment) == pytest.approx(sum(deep))
        assert gauges.get("heartline_depth_accounts", segment=segment) == len(deep)
        asked = [v for v in mine if v["nps"] is not None and v["nps_responses"] is not None]
        net = sum((v["nps"] or 0) * 4 / 100 for v in asked)
        assert gauges.get("heartline_nps_net_promoters", segment=segment) == round(net)
        assert gauges.get("heartline_nps_responses", segment=segment) == 4 * len(asked)


def test_an_empty_portfolio_has_totals_of_zero_and_keeps_no_segment() -> None:
    gauges = Gauges()
    gauges.projection.load(0, [remember("a", 80, "smb")])
    gauges.projection.update(0, {"a": None})
    assert gauges.get("heartline_active_users", window="mau", segment="none") == 0
    assert gauges.projection.totals == {}


def test_the_accounts_that_fell_the_most_are_named_and_no_account_that_rose() -> None:
    gauges = Gauges(worst_n=2)
    moves = {"fell": (40.0, 90.0), "slipped": (85.0, 88.0), "tumbled": (50.0, 80.0), "rose": (90.0, 20.0)}
    records = []
    for name, (now, before) in moves.items():
        record = evaluate_rules(None, make_report(name, now, score_7d_ago=before), PAGED_RULES, MONDAY).record
        assert record is not None
        records.append(record)
    gauges.projection.load(0, records)
    name = "heartline_account_score_change_7d_points"
    assert gauges.get(name, account="fell") == -50
    assert gauges.get(name, account="tumbled") == -30
    assert gauges.get(name, account="slipped") is None, "only the two that fell the most"
    assert gauges.get(name, account="rose") is None
