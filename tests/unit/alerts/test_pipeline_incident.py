"""A broken pipeline told from quiet customers: tables of what partitions show, and what operators are told when."""

from datetime import timedelta

import pytest

from alerts.context import PipelineIncidentSettings
from alerts.messages.pipeline_incident import incident_notification
from alerts.messages.plain_text import as_text
from alerts.pipeline_incident import (
    Assessment,
    IncidentState,
    PartitionHealth,
    active_incident,
    assess,
    mass_drop_suspected,
    observe,
)
from stream.contracts.report import Freshness
from tests.reports import MONDAY, make_report

SETTINGS = PipelineIncidentSettings()


def play(given: str, until: int, settings: PipelineIncidentSettings = SETTINGS) -> list[str]:
    """Each line: minute, partition (of 100 accounts), what it shows. Looks once a minute; what is told, and when."""
    rows = [line.split() for line in given.splitlines()]
    partitions_health, incident, told = (
        {0: PartitionHealth(accounts=100), 1: PartitionHealth(accounts=100)},
        None,
        list[str](),
    )
    for minute in range(until + 1):
        now = MONDAY + timedelta(minutes=minute)
        for _, partition, what, value in (row for row in rows if int(row[0]) == minute):
            source = [Freshness(is_stale=what == "stale")] if what in ("stale", "fresh") else []
            partitions_health[int(partition)] = observe(
                partitions_health[int(partition)],
                [make_report(as_of=now, freshness={value: each}) for each in source],
                accounts=100,
                delay_seconds=float(value) * 60 if what == "late" else None,
                fallen=int(value) if what == "fell" else 0,
                now=now,
                settings=settings,
            )
        found: Assessment = assess(incident, list(partitions_health.values()), settings, now)
        incident = found.incident
        if found.change is not None:
            told.append(f"{minute} {found.change} {'+'.join(found.signs)}".strip())
    return told


@pytest.mark.parametrize(
    ("reason", "given", "told"),
    [
        ("customers leave one by one", "0 0 fell 5\n 4 1 fell 5\n 8 0 fell 10", []),
        ("many at once, over all partitions", "1 0 fell 11\n 2 1 fell 11", ["2 began mass_drop", "20 ended"]),
        ("as many, over a day", "\n".join(f"{at} 0 fell 2" for at in range(0, 100, 3)), []),
        ("however long, one alert", "\n".join(f"{at} 0 fell 9" for at in range(0, 30, 2)), ["4 began mass_drop"]),
        ("another sign while one stands is no second alert", "1 0 fell 30\n 2 0 stale usage", ["1 began mass_drop"]),
        ("a source is quiet where all say so", "3 0 stale usage\n 5 1 stale usage", ["13 began source_quiet"]),
        ("a history that is loaded looks quiet until its end has come", "3 0 stale usage\n 11 0 fresh usage", []),
        (
            "quiet, and then another sign",
            "3 0 stale usage\n" + "\n".join(f"{at} 0 late 20" for at in range(1, 8)) + "\n 9 0 fresh usage",
            ["6 began source_quiet+lag", "14 ended"],
        ),
        (
            "that accounts fall while a source is quiet is that source's doing",
            "3 0 stale usage\n 5 0 fell 30\n 8 0 fresh usage",
            [],
        ),
        ("one partition still hears of it", "1 0 fresh usage\n 3 1 stale usage", []),
        (
            "it speaks again; over once it is calm",
            "1 0 stale usage\n 20 1 fresh usage",
            ["11 began source_quiet", "24 ended"],
        ),
        (
            "it speaks and is silent again: one trouble",
            "1 0 stale usage\n 20 0 fresh usage\n 22 0 stale usage",
            ["11 began source_quiet"],
        ),
        ("one late batch, as after a restart", "1 0 late 600", []),
        (
            "late for minutes on end",
            "\n".join(f"{at} 0 late 20" for at in range(1, 12)) + "\n 12 0 late 0",
            ["6 began lag", "16 ended"],
        ),
        ("late, with one in time between", "\n".join(f"{at} 0 late {0 if at == 4 else 20}" for at in range(1, 8)), []),
        ("a late one now and then is no row of them", "1 0 late 20\n 8 0 late 20\n 15 0 late 20", []),
        (
            "late and then silence: nothing waits any more",
            "\n".join(f"{at} 0 late 20" for at in range(1, 7)),
            ["6 began lag", "13 ended"],
        ),
    ],
)
def test_trouble_begins_and_ends(reason: str, given: str, told: list[str]) -> None:
    """Two partitions of 100 accounts under the shipped settings, within half an hour."""
    until = 100 if "day" in reason else 29
    assert play(given, until) == told, reason


@pytest.mark.parametrize(
    ("reason", "accounts", "fallen", "settles"),
    [
        ("a handful", 60, {0: 5}, False),
        ("one more, at once", 60, {0: 6}, True),
        ("as many, but not lately: the pace has slowed down", 60, {-5: 6}, False),
        ("a trickle", 60, {-12: 1, -9: 1, -6: 1, -4: 1, -2: 1, 0: 1}, False),
        ("a trickle that swells", 60, {-12: 1, -9: 1, -6: 1, -1: 1, 0: 3}, True),
        ("before the window", 60, {-15: 99, 0: 3}, False),
        ("no more than on any day, of many", 10_000, {-1: 60, 0: 73}, False),
        ("in two minutes what makes a tenth in a quarter of an hour", 10_000, {-1: 60, 0: 74}, True),
    ],
)
def test_falls_wait_while_they_come_at_a_pace_that_makes_a_mass_drop(
    reason: str, accounts: int, fallen: dict[int, int], settles: bool
) -> None:
    minute = int(MONDAY.timestamp()) // 60
    half = accounts // 2
    partitions_health = [
        PartitionHealth(accounts=half, fallen={minute + at: count for at, count in fallen.items()}),
        PartitionHealth(accounts=half),
    ]
    assert (mass_drop_suspected(partitions_health, SETTINGS, MONDAY) is not None) is settles, reason
    assert mass_drop_suspected(partitions_health, PipelineIncidentSettings(enabled=False), MONDAY) is None


@pytest.mark.parametrize(
    ("reason", "absent_minutes", "kinds"),
    [
        ("a worker is there, or nobody can tell", None, []),
        ("a restart, a new release", 4.9, []),
        ("nobody is there", 5, ["worker_absent"]),
        ("the whole night", 600, ["worker_absent"]),
    ],
)
def test_a_dead_worker_is_trouble(reason: str, absent_minutes: float | None, kinds: list[str]) -> None:
    """No report comes then, so no report can say it; and days of silence would be counted that nobody knows of."""
    since = MONDAY - timedelta(minutes=absent_minutes) if absent_minutes is not None else None
    found = assess(None, [PartitionHealth(accounts=100)], SETTINGS, MONDAY, since)
    assert list(found.signs) == kinds, reason
    assert (found.incident is not None) == bool(kinds)
    if found.incident is not None and since is not None:
        began = incident_notification(found.incident, MONDAY, SETTINGS, reason=found.reason, ended=False)
        text = as_text(began.message)
        assert f"No worker has run since {since:%-d %b %H:%M} UTC, so scores stand still." in text
        assert "whether it runs, and the last lines of its log" in text
    assert assess(None, [], PipelineIncidentSettings(enabled=False), MONDAY, since).signs == {}


def test_trouble_that_is_switched_off_is_none() -> None:
    """And what stood ends at the next look."""
    off = PipelineIncidentSettings(enabled=False)
    assert play("1 0 fell 99", 20, off) == []
    incident = IncidentState(since=MONDAY, sign_at=MONDAY, kinds=["lag"], reason="late")
    assert assess(incident, [], off, MONDAY).change == "ended"


def test_a_partition_that_heard_nothing_for_a_day_has_no_say() -> None:
    """Its word is of another day; the others' holds."""
    given = "0 0 fresh usage\n 1500 1 stale usage"
    assert play(given, 1511) == ["1510 began source_quiet"]


def test_account_alerts_are_not_held_for_ever() -> None:
    """A source that nobody mends must not silence everything."""
    incident = IncidentState(since=MONDAY, sign_at=MONDAY, kinds=["source_quiet"], reason="nothing of usage arrives")
    held = active_incident(incident, SETTINGS, MONDAY + timedelta(hours=23, minutes=59))
    assert held is not None
    assert (held.kind, held.reason) == ("source_quiet", "nothing of usage arrives")
    assert active_incident(incident, SETTINGS, MONDAY + timedelta(hours=24)) is None
    assert active_incident(None, SETTINGS, MONDAY) is None


def test_operators_read_what_is_wrong_and_where_to_look() -> None:
    """Of no account, and its end names its beginning."""
    reason = "nothing of usage arrives from any account; 30 of 200 accounts fell within 15 minutes"
    incident = IncidentState(since=MONDAY, sign_at=MONDAY, kinds=["source_quiet", "mass_drop"], reason=reason)
    began = incident_notification(incident, MONDAY, SETTINGS, reason=reason, ended=False)
    assert (began.account_id, began.rule, began.severity, began.is_open) == (
        None,
        "pipeline_incident",
        "critical",
        True,
    )
    text = as_text(began.message)
    assert "red flags are held" in text
    assert "Nothing of usage arrives from any account." in text
    assert "its connector" in text
    assert "24 hours at most" in text
    over = incident_notification(incident, MONDAY + timedelta(hours=2), SETTINGS, reason="calm", ended=True)
    assert over.alert_id == began.alert_id
    assert (over.kind, over.is_open) == ("resolved", False)
    assert "after 2 h" in as_text(over.message)
