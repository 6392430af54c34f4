"""The worker's fold without Kafka: files of events in, one row per account and date out.

Events are taken in the order of their own time, whatever the order of files and lines; a row is the state at the end
of its day where the account is, evaluated as of that moment. So a snapshot is what the live worker would have said
then, of the same facts. Where a scorecard's bands remember (other exits than entrances, or a dwell), every day before
is evaluated as well: the band is that of a worker that evaluates at the end of each day.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import msgspec

from consumers.csv_cells import safe_cell
from heartline.account_aliases import Links
from heartline.errors import writing
from heartline.jsonl import read_lines
from stream.calendar.clock import WallClock
from stream.calendar.day import day_of
from stream.calendar.zones import UTC_ZONE, zone
from stream.config.settings import Settings
from stream.contracts.errors import BadEvent, ConfigError
from stream.contracts.events import InputEvent
from stream.contracts.report import HealthReport
from stream.kinds.account import AccountEvent
from stream.kinds.decode import Decoder
from stream.kinds.feeds import FieldMapping
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState, newest_ms, zone_of
from stream.measures.product import product_config_from
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.scoring.band_history import published_report
from stream.scoring.evaluation import build_report
from stream.scoring.scorecard import Scorecards
from stream.scoring.scorecard_selection import scorecard_for
from stream.scoring.scorecard_yaml import read_scorecards
from stream.scoring.shipped import DEFAULT, SHIPPED
from stream.topics import KINDS, Kind

Every = Literal["day", "week", "month", "quarter"]

EPOCH_DAY: Final = date(1970, 1, 1)
SHOWN_ERRORS_MAX: Final = 20


class Progress(Protocol):
    """How a long snapshot tells where it is."""

    def __call__(self, done: int, total: int, what: str) -> None: ...


@dataclass(frozen=True)
class DateRule:
    """Which days get rows: the named ones, or every end of a period that the events span."""

    at: tuple[date, ...] = ()
    every: Every | None = None

    def days(self, first_day: int, last_day: int) -> list[int]:
        """The days (since 1970-01-01), ascending; with `every` from the first period's end to the last day's own.

        The last period counts even when the events end within it: its row is dated at the period's end.
        """
        if self.every is None:
            return sorted({(day - EPOCH_DAY).days for day in self.at})
        ends = []
        day = period_end(EPOCH_DAY + timedelta(days=first_day), self.every)
        last = period_end(EPOCH_DAY + timedelta(days=last_day), self.every)
        while day <= last:
            ends.append((day - EPOCH_DAY).days)
            day = period_end(day + timedelta(days=1), self.every)
        return ends


def period_end(day: date, every: Every) -> date:
    """The last day of the day, ISO week (Sunday), month or quarter that `day` lies in.

    >>> period_end(date(2024, 2, 10), "quarter").isoformat()
    '2024-03-31'
    """
    if every == "day":
        return day
    if every == "week":
        return day + timedelta(days=6 - day.weekday())
    month = day.month if every == "month" else (day.month + 2) // 3 * 3
    first_of_next = date(day.year + month // 12, month % 12 + 1, 1)
    return first_of_next - timedelta(days=1)


@dataclass
class Summary:
    """What a snapshot did.

    Attributes:
        events: folded.
        rejected: lines refused.
        errors: the first of them, as file:line: why.
        rows: written.
        accounts: with at least one event.
    """

    events: int = 0
    rejected: int = 0
    errors: list[str] = field(default_factory=list)
    rows: int = 0
    accounts: int = 0

    def reject(self, error: str) -> None:
        """Count a line that is no event."""
        self.rejected += 1
        if len(self.errors) < SHOWN_ERRORS_MAX:
            self.errors.append(error)


class _Kinded(msgspec.Struct):
    """The part of a line that says what it is."""

    type: str


_kind_of = msgspec.json.Decoder(_Kinded).decode


def read_events(files: Sequence[Path], settings: Settings, summary: Summary) -> list[tuple[int, InputEvent]]:
    """Every good event of the files with its time in epoch ms, in the order of time; bad lines go to the summary.

    Events under an alias have their account's own id. Account updates without a time come first: what they say holds
    from the start.
    """
    decoders = decoders_for(settings)
    now_ms = WallClock().now_ms(None)
    events: list[tuple[int, InputEvent]] = []
    for path in files:
        for number, line in read_lines(path):
            if not line.strip():
                continue
            try:
                events.append(decode_event(line, decoders, now_ms))
            except BadEvent as error:
                summary.reject(f"{path}:{number}: {error}")
    events.sort(key=lambda item: item[0])
    links = Links()
    for _, event in events:
        links.learn(event)
    links.resolve(event for _, event in events)
    summary.events = len(events)
    return events


def decoders_for(settings: Settings) -> dict[Kind, Decoder]:
    """What reads each kind of event, by the feeds' mappings."""
    return {
        kind: Decoder(kind, FieldMapping(settings.feeds[kind]) if kind in settings.feeds else None) for kind in KINDS
    }


def decode_event(line: bytes, decoders: dict[Kind, Decoder], now_ms: int) -> tuple[int, InputEvent]:
    """One line as an event and its time in epoch ms; 0 for an account update without a time.

    Raises:
        BadEvent: the line is not one.
    """
    try:
        kind = _kind_of(line).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadEvent("not_json", f"expected a JSON object with a field `type`: {error}") from None
    if kind not in KINDS:
        raise BadEvent("unknown_value", f"type = {kind[:40]!r}: accepted are {', '.join(KINDS)}")
    event: InputEvent = decoders[kind].decode_at(line, now_ms)
    return event.timestamp or 0, event


def reports(
    events: Sequence[tuple[int, InputEvent]],
    days: Sequence[int],
    core_features: frozenset[str],
    progress: Progress | None = None,
    scorecards: Scorecards = SHIPPED,
    product: ProductConfig = NO_PRODUCT_CONFIG,
) -> Iterator[tuple[int, HealthReport]]:
    """(day, report) for each account and day from the account's first event on, days ascending."""
    states: dict[str, AccountState] = {}
    judged_days: dict[str, int] = {}
    asked = set(days)
    at = 0
    walked = _every_day(events, days) if scorecards.remember else days
    found: dict[int, list[HealthReport]] = {}
    moments = _ends_of_days(events, walked)
    for index, (end_ms, day, is_last) in enumerate(moments):
        while at < len(events) and events[at][0] <= end_ms:
            fold_event(states.setdefault(events[at][1].account_id, AccountState()), events[at][1])
            at += 1
        if progress is not None:
            progress(index + 1, len(moments), "dates")
        for account_id, state in states.items():
            own_end_ms = zone_of(state).end_of_day_ms(day)
            if newest_ms(state) is None or own_end_ms > end_ms or judged_days.get(account_id, -1) >= day:
                continue
            judged_days[account_id] = day
            scorecard = scorecard_for(scorecards, state, end_ms, core_features, product)
            report = build_report(account_id, state, own_end_ms, scorecard, core_features, None, product)
            if scorecards.remember:
                state.published = published_report(state.published, report, own_end_ms, "")
            if day in asked:
                found.setdefault(day, []).append(report)
        if is_last:
            for report in sorted(found.pop(day, []), key=lambda report: report.account_id):
                yield day, report


def _ends_of_days(events: Sequence[tuple[int, InputEvent]], days: Sequence[int]) -> list[tuple[int, int, bool]]:
    """When each day ends in any of the accounts' zones, in the order of time: (epoch ms, day, whether as the last)."""
    named = [event.timezone for _, event in events if isinstance(event, AccountEvent)]
    zones = {UTC_ZONE, *map(zone, named)}
    moments = []
    for day in days:
        ends = sorted({own.end_of_day_ms(day) for own in zones})
        moments += [(end_ms, day, end_ms == ends[-1]) for end_ms in ends]
    return sorted(moments)


def _every_day(events: Sequence[tuple[int, InputEvent]], days: Sequence[int]) -> Sequence[int]:
    """Every day from the first event to the last day asked about."""
    first = next((ms for ms, _ in events if ms > 0), None)
    if first is None or not days:
        return days
    return range(min(day_of(first), days[0]), days[-1] + 1)


def scorecards_of(settings: Settings) -> Scorecards:
    """The scorecards that the settings name, else the shipped one.

    Raises:
        ConfigError: they are wrong.
    """
    return SHIPPED if settings.scorecards is None else read_scorecards(settings.scorecards)


LEADING: Final = ("account_id", "date", "dau", "wau", "mau", "features_30d", "frequency_30d", "health_score", "band")


def row(day: int, report: HealthReport) -> dict[str, Any]:
    """One report as a flat row; None is an empty cell, mappings and lists are JSON."""
    cells: dict[str, Any] = {
        "account_id": report.account_id,
        "date": (EPOCH_DAY + timedelta(days=day)).isoformat(),
        "health_score": report.score,
        "band": report.band,
        "coverage": report.coverage_ratio,
        "scorecard": report.scorecard,
        "health_score_7d_ago": report.score_7d_ago,
        "reason": report.reason,
    }
    for name, value in report.measures.items():
        if isinstance(value, dict | list):
            cells[name] = msgspec.json.encode(value, order="deterministic").decode()
        elif isinstance(value, float):
            cells[name] = round(value, 6)
        else:
            cells[name] = value
    return cells


def write_snapshot(
    files: Sequence[Path], dates: DateRule, out: Path, settings: Settings, progress: Progress | None = None
) -> Summary:
    """Write the CSV.

    Args:
        files: JSON lines, plain, .gz or .zst.
        dates: which days get rows.
        out: where the CSV goes; replaced when it is there.
        settings: the product's catalogue, the scorecards and the feeds' mappings.
        progress: called as the work goes on.

    Raises:
        ConfigError: no date was asked for.
        FileError: a file can't be read, or the CSV not be written.
    """
    if dates.every is None and not dates.at:
        raise ConfigError("snapshot: no dates; give --at DATE (as 2024-03-31) or --every day|week|month|quarter")
    summary = Summary()
    scorecards = scorecards_of(settings)
    events = read_events(files, settings, summary)
    timed = [ms for ms, _ in events if ms > 0]
    days = dates.days(day_of(timed[0]), day_of(timed[-1])) if timed else []
    core = frozenset(settings.product.core_features)
    with writing(out, "--out"), out.open("w", newline="", encoding="utf-8") as file:
        _write(file, reports(events, days, core, progress, scorecards, product_config_from(settings)), summary)
    return summary


def _write(file: Any, found: Iterable[tuple[int, HealthReport]], summary: Summary) -> None:
    """The rows under their header, the columns people look for first."""
    blank = build_report("", AccountState(), 0, DEFAULT)
    names = row(0, blank)
    writer = csv.DictWriter(file, [*LEADING, *(name for name in names if name not in LEADING)])
    writer.writeheader()
    accounts = set()
    for day, report in found:
        writer.writerow({name: safe_cell(value) for name, value in row(day, report).items()})
        accounts.add(report.account_id)
        summary.rows += 1
    summary.accounts = len(accounts)


def parse_date(text: str) -> date:
    """A calendar day.

    Raises:
        ConfigError: it is not one.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ConfigError(f"date = {text!r}: expected a calendar day, as 2024-03-31") from None
