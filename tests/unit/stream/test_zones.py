"""Days are calendar days where the account is: zones against zoneinfo, measures against polars, ticks by the clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS
from stream.calendar.zones import REMEMBERED_DAYS_MAX, Zone, zone, zone_names
from stream.kinds.state import AccountState, decode_state, encode_state, newest_ms, zone_of
from stream.measures import measure
from tests.examples import examples
from tests.oracle.batch import EPOCH, Batch
from tests.oracle.facts import state_differences
from tests.streams import ACCOUNTS, CORE, arrive, fold, make_stream
from tests.unit.stream.lives import DAY, evaluated, fold_one, usage

FIRST_MS = 946_684_800_000
LAST_MS = 2_208_988_800_000  # 2040
ODD = (
    *("America/St_Johns", "America/Sao_Paulo", "America/Havana", "Asia/Beirut", "Asia/Kathmandu", "Asia/Tehran"),
    *(
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Chatham",
        "Africa/Casablanca",
        "Europe/Dublin",
        "Antarctica/Troll",
    ),
)

names = st.sampled_from(ODD) | st.sampled_from(sorted(zone_names()))


def date_in(name: str, ms: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(ZoneInfo(name)).date()


@examples(400)
@given(names, st.integers(FIRST_MS, LAST_MS))
@example("Pacific/Apia", 1_325_239_200_000 - 1)  # the last moment before the day that Samoa skipped
@example("Pacific/Apia", 1_325_239_200_000)
def test_the_day_of_a_moment_is_its_date_there(name: str, ms: int) -> None:
    for at in (ms, ms + 3_600_000, ms - 5 * 3_600_000):
        assert zone(name).day_of(at) == (date_in(name, at) - EPOCH).days


@examples(300)
@given(names, st.integers(FIRST_MS // DAY_MS, LAST_MS // DAY_MS))
@example("America/Sao_Paulo", 17_819 - 1)  # the next day begins at 01:00
@example("America/Sao_Paulo", 17_943)  # 24:00 is 23:00 again
@example("America/St_Johns", 14_914)  # its clocks went back from 00:01 to 23:01
@example("Pacific/Apia", 15_338)  # never was
def test_a_day_ends_with_its_last_millisecond(name: str, day: int) -> None:
    end_ms = zone(name).end_of_day_ms(day)
    assert (date_in(name, end_ms) - EPOCH).days <= day
    later = [end_ms + 1, end_ms + 60_000, *(end_ms + hour * 3_600_000 for hour in range(1, 30))]
    assert all((date_in(name, ms) - EPOCH).days > day for ms in later)


def test_a_zone_remembers_a_bounded_number_of_days() -> None:
    zone_name = Zone("Asia/Kolkata")
    for day in range(3 * REMEMBERED_DAYS_MAX):
        assert zone_name.day_of(day * DAY_MS + 66_600_000) == day + 1  # 18:30
    assert len(zone_name._offsets) <= REMEMBERED_DAYS_MAX


@examples(60)
@given(
    st.sampled_from(
        ["America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Australia/Lord_Howe", "Africa/Casablanca"]
    ),
    st.integers(0, 1 << 32),
    st.integers(1, 400),
    st.sampled_from([2, 40, 120, 300]),
    st.sampled_from([0, 30]),
    st.integers(0, 40),
)
def test_measures_of_a_zone_are_the_batchs_over_its_calendar_days(
    name: str, seed: int, size: int, span_days: int, late_days: int, days_after: int
) -> None:
    """Through both changes of the clocks, in any order of arrival; the zone is known from the start."""
    events = make_stream(seed, size, span_days)
    told = [{"type": "account", "account_id": account_id, "timezone": name} for account_id in ACCOUNTS]
    _, partition = fold([*told, *arrive(events, seed, late_days, 0.2)])
    states = {
        account_id: decode_state(encode_state(state))
        for account_id, state in partition.states.items()
        if newest_ms(state) is not None
    }
    zone_name = zone(name)
    day = max((zone_name.day_of(newest_ms(state) or 0) for state in states.values()), default=20_000) + days_after
    expected = Batch(events, CORE, name).at(EPOCH + timedelta(days=day))
    assert state_differences(states, expected, zone_name.end_of_day_ms(day), CORE) == {}


def test_a_zone_that_comes_later_counts_from_then_on() -> None:
    """Usage stays in the days that it was counted in; what comes later, and every window, follows the new zone."""
    late_evening = 23 * 3_600_000
    _, partition = fold([usage(1, DAY, user_id="ann", ms=late_evening)])
    state = partition.states["acme"]
    assert state.usage.newest_day == DAY
    processor, _ = fold([])
    fold_one(processor, partition, "account", {"account_id": "acme", "timezone": "Asia/Tokyo"})
    fold_one(processor, partition, "usage", usage(2, DAY, user_id="ben", ms=late_evening + 1))
    assert state.usage.newest_day == DAY + 1
    now_ms = DAY * DAY_MS + late_evening + 2
    assert (measure(state, now_ms)["dau"], measure(state, now_ms)["wau"]) == (1, 2)


def test_a_cleared_zone_and_one_of_an_older_state_that_is_no_zone_are_utc() -> None:
    state = AccountState(profile={"timezone": ("Mars/Olympus", 0)})
    assert zone_of(state).name == zone_of(AccountState()).name == "UTC"
    _, partition = fold(
        [{"type": "account", "account_id": "acme", "timezone": name} for name in ("Asia/Tokyo", None)]
        + [usage(1, DAY, ms=DAY_MS - 1)]
    )
    assert zone_of(partition.states["acme"]).name == "UTC"
    assert partition.states["acme"].usage.newest_day == DAY


def test_each_account_is_judged_again_when_its_own_day_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """And by nothing else while nothing comes in: the interval of ticks is long here."""
    zones = {"acme": None, "delhi": "Asia/Kolkata", "lord": "Australia/Lord_Howe", "perth": "Australia/Perth"}
    clock = ManualClock(DAY * DAY_MS + 1)
    told = [{"type": "account", "account_id": name, "timezone": zone_name} for name, zone_name in zones.items()]
    processor, partition = fold([*told, *(usage(1, DAY - 1, name) for name in zones)], clock=clock)
    monkeypatch.setattr(processor, "_scan_interval_ms", 7 * DAY_MS)
    evaluated(processor, partition)
    turned: dict[str, datetime] = {}
    monkeypatch.setattr(
        processor,
        "_evaluate_one",
        lambda part, name, state, now_ms, _: turned.setdefault(name, datetime.fromtimestamp(now_ms / 1000, UTC)),
    )
    for _ in range(24 * 12):
        clock.advance(seconds=300)
        evaluated(processor, partition)
    assert {name: f"{at:%H:%M}" for name, at in turned.items()} == {
        "acme": "00:00",
        "delhi": "18:30",
        "lord": "13:30",
        "perth": "16:00",
    }
    assert all((at.replace(tzinfo=None) - datetime(2024, 10, 4)).days <= 1 for at in turned.values())  # noqa: DTZ001


def test_the_turn_of_a_day_asks_encoded_accounts_only_where_it_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most accounts are kept encoded; decoding all of them every quarter of an hour would cost more than evaluating."""
    zones = {"acme": None, "delhi": "Asia/Kolkata", "tokyo": "Asia/Tokyo"}
    clock = ManualClock(DAY * DAY_MS + 1)
    told = [{"type": "account", "account_id": name, "timezone": zone_name} for name, zone_name in zones.items()]
    processor, partition = fold([*told, *(usage(1, DAY - 1, name) for name in zones)], clock=clock)
    monkeypatch.setattr(processor, "_scan_interval_ms", 7 * DAY_MS)
    evaluated(processor, partition)
    partition.cold = {name: encode_state(state) for name, state in partition.states.items()}
    partition.states.clear()
    asked: list[str] = []

    def decode(value: bytes) -> AccountState:
        state = decode_state(value)
        asked.append(state.profile["timezone"][0] or "UTC")
        return state

    monkeypatch.setattr("stream.worker.account_partition.decode_state", decode)
    clock.current_ms = DAY * DAY_MS + 15 * 3_600_000
    evaluated(processor, partition)
    assert set(asked) == {"Asia/Tokyo"}
    asked.clear()
    clock.current_ms = DAY * DAY_MS + 18 * 3_600_000
    evaluated(processor, partition)
    assert asked == []
    clock.advance(seconds=1800)
    evaluated(processor, partition)
    assert set(asked) == {"Asia/Kolkata"}
    asked.clear()
    clock.current_ms = (DAY + 1) * DAY_MS
    evaluated(processor, partition)
    assert set(asked) == {"UTC"}


def test_reports_tell_dates_of_the_accounts_own_calendar() -> None:
    clock = ManualClock(DAY * DAY_MS + 20 * 3_600_000)
    told = {"type": "account", "account_id": "acme", "timezone": "Pacific/Auckland"}
    events = [usage(back * 10, DAY - back, ms=3_600_000) for back in range(40, -1, -1)]
    processor, partition = fold([told, *events], clock=clock)
    (report,) = evaluated(processor, partition)
    assert report.history[-1][0] == "2024-10-05"  # and 2024-10-04 by UTC
    assert report.measures["days_since_active"] == 1
