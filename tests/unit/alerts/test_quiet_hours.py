"""Quiet hours where clocks change: what ends the quiet always lies ahead."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.quiet_hours import QuietSettings, quiet_until


def quiet(starts_at: str, ends_at: str, timezone: str) -> QuietSettings:
    return QuietSettings(
        starts_at=time.fromisoformat(starts_at), ends_at=time.fromisoformat(ends_at), timezone=timezone
    )


@pytest.mark.parametrize(
    ("settings", "now", "until", "why"),
    [
        (
            quiet("21:00", "02:45", "Europe/Madrid"),
            "2025-10-26T00:10Z",
            "2025-10-26T00:45Z",
            "02:10 the first time",
        ),
        (quiet("21:00", "02:45", "Europe/Madrid"), "2025-10-26T01:10Z", "2025-10-26T01:45Z", "02:10 for the second"),
        (quiet("00:30", "01:50", "America/Chicago"), "2025-11-02T07:20Z", "2025-11-02T07:50Z", "01:20 again"),
        (quiet("22:00", "02:30", "Europe/Madrid"), "2025-03-30T00:40Z", "2025-03-30T01:30Z", "02:30 is skipped"),
        (quiet("20:00", "08:00", "UTC"), "2025-03-30T08:00Z", None, "exactly the end"),
    ],
)
def test_quiet_ends_at_the_next_time_that_the_clocks_show_its_end(
    settings: QuietSettings, now: str, until: str | None, why: str
) -> None:
    found = quiet_until(settings, None, datetime.fromisoformat(now))
    assert found == (None if until is None else datetime.fromisoformat(until)), why


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.times(),
    st.times(),
    st.sampled_from(["Europe/Madrid", "America/Chicago", "Australia/Lord_Howe", "America/Havana"]),
)
def test_quiet_never_ends_in_the_past_nor_lasts_for_more_than_two_days(
    now: datetime, starts_at: time, ends_at: time, zone: str
) -> None:
    if starts_at == ends_at:
        return
    found = quiet_until(QuietSettings(starts_at=starts_at, ends_at=ends_at, timezone=zone), None, now)
    assert found is None or now < found < now + timedelta(days=2)


def test_days_and_zones_are_named_as_everywhere() -> None:
    assert QuietSettings(working_days=("mon", "Tuesday")).working_days == ("monday", "tuesday")
    with pytest.raises(ValueError, match="did you mean Europe/Madrid"):
        QuietSettings(timezone="europe/madrid")
