"""Working days against the calendar itself, silence by each account's own cadence, and a calendar's settings."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import holidays
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stream.calendar.day import DAY_MS
from stream.calendar.workdays import Calendar, Calendars
from stream.config.settings import Settings, load
from stream.contracts.errors import ConfigError
from stream.measures import measure
from stream.measures.product import product_config_from
from stream.measures.product_config import ProductConfig
from stream.worker.health_processor import make_processor
from tests.examples import examples
from tests.streams import Raw, fold
from tests.unit.stream.lives import usage

EPOCH = date(1970, 1, 1)
MONDAY = (date(2026, 3, 2) - EPOCH).days


def day_of(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


@examples(100)
@given(
    st.sampled_from([None, ("DE", "BY"), ("US", None), ("SA", None), ("CN", None), ("IL", None)]),
    st.sampled_from([None, frozenset({5, 6}), frozenset({4, 5}), frozenset({6}), frozenset[int]()]),
    st.sets(st.integers(19_000, 21_500), max_size=20),
    st.integers(19_000, 21_500),
    st.integers(-3, 800),
)
def test_working_days_are_those_that_are_neither_weekend_nor_holiday(
    region: tuple[str, str | None] | None, weekend: frozenset[int] | None, extra: set[int], first: int, size: int
) -> None:
    code, subdivision = region if region is not None else (None, None)
    calendar = Calendar(code, subdivision, weekend, frozenset(extra))
    country = holidays.country_holidays(region[0], subdiv=region[1]) if region is not None else None
    count, off = 0, []
    for day in range(first, first + size):
        at = EPOCH + timedelta(days=day)
        if country is not None and weekend is None:
            is_weekend, working = country.is_weekend(at), country.is_working_day(at)
        else:
            is_weekend = at.weekday() in ({5, 6} if weekend is None else weekend)
            working = not is_weekend and (country is None or at not in country)
        working = working and day not in extra
        count += working
        if not working and not is_weekend:
            off.append(day)
    assert calendar.between(first, first + size) == count
    assert calendar.days_off(first, first + size) == off


def active_on(days: list[int], segment: str | None = None) -> list[Raw]:
    told: list[Raw] = [{"type": "account", "account_id": "acme", "segment": segment}] if segment is not None else []
    return [*told, *(usage(day, day) for day in days)]


def found_on(events: list[Raw], day: int, product: ProductConfig | None = None) -> dict[str, Any]:
    _, partition = fold(events)
    return measure(partition.states["acme"], day * DAY_MS + 7, frozenset(), product or ProductConfig())


DAILY = [day for day in range(MONDAY - 70, MONDAY + 5) if (day + 3) % 7 < 5]  # the last one is a Friday


@pytest.mark.parametrize(
    ("days", "limit", "quiet_days", "why"),
    [
        (DAILY, 3, 5, "a weekend and two working days: not yet; the third is over on Thursday"),
        ([*range(MONDAY - 70, MONDAY + 5)], 3, 5, "used on weekends, too: a pause is not less than a day"),
        (DAILY[::2], 5, 7, "every other working day"),
        ([MONDAY - 7 * week for week in range(9, -1, -1)], 11, 15, "weekly: two weeks and a day"),
        ([MONDAY - 28 * month for month in range(3, -1, -1)], 41, 57, "monthly: two months"),
        ([MONDAY - 90, MONDAY], 81, 113, "hardly ever"),
        ([MONDAY], 3, 3, "on its first day nothing else is known"),
    ],
)
def test_an_account_is_silent_after_what_is_long_for_it(days: list[int], limit: int, quiet_days: int, why: str) -> None:
    """`quiet_days` are calendar days from the last active one to the first day that begins in silence, less one."""
    before, after = (found_on(active_on(days), days[-1] + quiet_days + more) for more in (0, 1))
    assert before["silence_limit_days"] == after["silence_limit_days"] == limit, why
    assert before["silence_working_days"] < limit == after["silence_working_days"], why
    assert after["days_since_active"] == quiet_days + 1


def test_holidays_and_the_segments_own_weekend_are_no_silence() -> None:
    """From Wednesday 2025-12-24 to Monday 2026-01-05, and over a weekend on Friday and Saturday."""
    days = [day for day in range(day_of("2025-10-13"), day_of("2025-12-25")) if (day + 3) % 7 < 5]
    product = ProductConfig(calendars=Calendars(Calendar("DE"), {"gulf": Calendar("SA")}))
    monday = day_of("2026-01-05")
    assert found_on(active_on(days), monday)["silence_working_days"] == 7
    assert found_on(active_on(days), monday, product)["silence_working_days"] == 4  # 29 to 31 December, 2 January
    gulf = found_on(active_on(days, "gulf"), monday, product)
    assert gulf["silence_working_days"] == 7  # 25, 28 to 31 December, 1 and 4 January: neither Fridays nor Saturdays


def test_a_public_holiday_moves_the_trend_of_an_account_by_nothing() -> None:
    day = day_of("2026-01-06")
    germany = Calendar("DE", "BY")
    off = set(germany.days_off(day - 200, day + 1))
    days = [at for at in range(day - 200, day) if (at + 3) % 7 < 5 and at not in off]
    with_calendar = found_on(active_on(days), day - 2, ProductConfig(calendars=Calendars(germany)))
    assert with_calendar["usage_trend_ratio"] == pytest.approx(1)
    assert found_on(active_on(days), day - 2)["usage_trend_ratio"] < 0.9


def settings_of(tmp_path: Path, calendar: dict[str, Any]) -> Settings:
    path = tmp_path / "heartline.yaml"
    path.write_text(yaml.safe_dump({"calendar": calendar}), "utf-8")
    return load(Settings, path)


def test_settings_name_a_calendar_for_all_and_for_segments(tmp_path: Path) -> None:
    segments = {"gulf": {"country": "SA"}, "six-days": {"weekend": ["sunday"]}}
    calendar = {"country": "DE", "subdivision": "BY", "extra_days": [date(2026, 12, 24)], "segments": segments}
    calendars = product_config_from(settings_of(tmp_path, calendar)).calendars
    first = day_of("2026-12-21")
    counts = {name: calendars.of(name).between(first, first + 7) for name in (None, "other", "gulf", "six-days")}
    assert counts == {None: 3, "other": 3, "gulf": 5, "six-days": 6}
    assert (
        make_processor(settings_of(tmp_path, calendar))._product.calendars.of("gulf").days_off(first, first + 7) == []
    )


@pytest.mark.parametrize(
    ("calendar", "words"),
    [
        ({"country": "GER"}, ["country 'GER' is not known", "did you mean"]),
        ({"country": "Atlantis"}, ["country 'Atlantis' is not known", "ISO 3166"]),
        ({"country": "DE", "subdivision": "XX"}, ["subdivision 'XX' of DE", "BY, HB"]),
        ({"subdivision": "BY"}, ["subdivision 'BY' needs its country"]),
        ({"weekend": ["caturday"]}, ["calendar.weekend[0]", "caturday", "'saturday'"]),
        ({"extra_days": ["Christmas"]}, ["calendar.extra_days[0]", "valid date"]),
        ({"segments": {"gulf": {"country": "XX"}}}, ["calendar.segments.gulf", "country 'XX' is not known"]),
        ({"contry": "DE"}, ["calendar.contry", "not known here"]),
    ],
)
def test_a_wrong_calendar_is_refused_at_start(tmp_path: Path, calendar: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(tmp_path, calendar)
    for word in words:
        assert word in str(caught.value)
