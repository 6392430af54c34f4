"""Verdicts by hand: what is accepted, which one holds when, and that both values are told."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.contracts.errors import BadEvent
from stream.contracts.health_override import KEPT_MAX, HealthOverride, in_force
from stream.contracts.health_override import fold as fold_setting
from stream.contracts.report import HealthReport
from stream.kinds.decode import Decoder
from stream.kinds.state import decode_state, encode_state
from tests.streams import Raw, fold
from tests.unit.stream.lives import DAY, evaluated, fold_one, month

HOUR_MS = 3_600_000


def update(days: float = 3, set_ms: int = DAY * DAY_MS, **fields: Any) -> Raw:
    """An account update that sets a score of 30 for some days."""
    expires_at = datetime.fromtimestamp((set_ms + days * DAY_MS) / 1000, UTC).isoformat()
    override = {"score": 30, "owner": "Dana", "reason": "their sponsor left", "expires_at": expires_at} | fields
    return {"account_id": "acme", "timestamp": set_ms, "health_override": override}


def refused(event: Raw) -> str:
    with pytest.raises(BadEvent) as caught:
        Decoder("account").decode(json.dumps(event).encode())
    return caught.value.detail


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (update(score=None), ["health_override", "either a score (0 to 100) or a band"]),
        (update(band="watch"), ["either a score (0 to 100) or a band"]),
        (update(score=101), ["health_override.score = 101", "less than or equal to 100"]),
        (update(score="30"), ["health_override.score = '30'"]),
        (update(score=None, band="purple"), ["health_override.band = 'purple'", "'healthy'"]),
        (update(score=None, band="unknown"), ["health_override.band = 'unknown'"]),
        (update(owner=""), ["health_override.owner = ''", "at least 1"]),
        (update(reason="x" * 501), ["health_override.reason", "at most 500"]),
        (update(expires_at=None), ["health_override.expires_at"]),
        (update(0), ["expires_at = 2024-10-04T00:00:00Z", "later than timestamp", "at most 90 days"]),
        (update(-1), ["later than timestamp"]),
        (update(90.01), ["at most 90 days"]),
        (update() | {"timestamp": None}, ["a timestamp beside it"]),
        ({"account_id": "acme", "timestamp": 1_728_000_000_000, "health_override": 30}, ["health_override = 30"]),
        (
            {"account_id": "acme", "timestamp": 1_728_000_000_000, "health_override": {}},
            ["health_override.owner", "required"],
        ),
    ],
)
def test_what_is_no_override_is_refused_with_what_is_accepted(event: Raw, words: list[str]) -> None:
    detail = refused(event)
    for word in words:
        assert word in detail
    assert len(detail) < 400


@pytest.mark.parametrize("event", [update(90), update(0.01), update(score=None, band="critical"), update(score=0)])
def test_what_is_one_is_accepted(event: Raw) -> None:
    assert Decoder("account").decode(json.dumps(event).encode()).account_id == "acme"


def test_the_order_of_arrival_makes_no_difference_and_a_repeat_none_either() -> None:
    known = [HealthOverride(n, n + 5, "ann", "why", float(n)) for n in range(10)]
    for seed in range(20):
        arrived = random.Random(seed).sample([*known, *known], 20)
        settings: list[HealthOverride] = []
        news = [fold_setting(settings, override) for override in arrived]
        assert (settings, sum(news)) == (known, 10)


def test_only_the_newest_settings_are_kept() -> None:
    settings: list[HealthOverride] = []
    for n in range(KEPT_MAX + 3):
        assert fold_setting(settings, HealthOverride(n, n + 1))
    assert [override.set_ms for override in settings] == list(range(3, KEPT_MAX + 3))
    assert not fold_setting(settings, HealthOverride(1, 2))


def test_the_last_one_set_holds_even_where_an_earlier_one_would_last_longer() -> None:
    settings = [HealthOverride(10, 100, "ann", "why", 10.0), HealthOverride(20, 30, "bob", "why", 20.0)]
    held = [in_force(settings, at) for at in (9, 10, 19, 20, 29, 30)]
    assert [override and override.owner for override in held] == [None, "ann", "ann", "bob", "bob", None]


def lived(*steps: tuple[float, Raw | None]) -> list[HealthReport]:
    """A healthy account's reports: after some days each event, or nothing, arrives."""
    clock = ManualClock(end_of_day_ms(DAY))
    processor, partition = fold(month(), clock=clock)
    reports = evaluated(processor, partition)
    for days, event in steps:
        clock.advance(days=days)
        if event is not None:
            fold_one(processor, partition, "account", event)
        reports += evaluated(processor, partition)
    state = partition.states["acme"]
    assert decode_state(encode_state(state)).overrides == state.overrides
    return reports


def test_an_override_holds_from_its_arrival_until_it_expires_by_itself() -> None:
    """Both values are told, the closing scores are those that counted, and the band comes back at once."""
    before, held, over = lived((0.1, update(2)), (1.1, None))[:3]
    assert (before.band, before.override, before.model_score) == ("healthy", None, None)
    assert (held.score, held.band) == (30, "at_risk")
    assert held.model_band == "healthy"
    assert before.score is not None
    assert held.model_score == pytest.approx(before.score - 3.1, abs=0.1)  # a day of fourteen without use by now
    assert held.override is not None
    assert (held.override.owner, held.override.score, held.override.band) == ("Dana", 30, None)
    assert held.reason.startswith("set by Dana until 6 Oct 2024 (their sponsor left), the scorecard says ")
    change = held.changes_7d[0]
    assert (change.measure, change.before, change.now) == ("override", None, 30)
    assert held.history[-1][1] == 30
    assert (over.override, over.model_score) == (None, None)
    assert over.score is not None
    assert over.score > 60


def test_null_clears_and_a_band_moves_the_score_into_it() -> None:
    held, cleared = lived(
        (0.1, update(score=None, band="watch")),
        (0.1, {"account_id": "acme", "timestamp": DAY * DAY_MS + 1, "health_override": None}),
    )[1:3]
    assert (held.score, held.band) == (74.9, "watch")
    assert cleared.band == "healthy"
    assert cleared.override is None


def test_a_new_reason_or_owner_is_told() -> None:
    reports = lived((0.1, update(reason="one")), (0.1, update(reason="two", set_ms=DAY * DAY_MS + 5)))
    assert [report.override.reason for report in reports if report.override is not None] == ["one", "two"]


def test_the_verdict_of_an_account_of_which_nothing_is_known_counts_too() -> None:
    clock = ManualClock(end_of_day_ms(DAY))
    processor, partition = fold([], clock=clock)
    fold_one(processor, partition, "account", update(1))
    (held,) = evaluated(processor, partition)
    assert (held.score, held.band, held.model_score, held.model_band) == (30, "at_risk", None, "unknown")
    assert held.reason.endswith("the scorecard says no score; too little is known for a score (known: nothing yet)")
    clock.advance(days=2)
    (over,) = evaluated(processor, partition)
    assert (over.score, over.band, over.override) == (None, "unknown", None)
