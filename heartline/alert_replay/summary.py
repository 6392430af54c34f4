"""What a replayed history adds up to: signals by rule, pages, and how they stand to labelled deaths; its file."""

import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from consumers.csv_cells import safe_cell
from heartline.alert_replay.history import History, Row
from heartline.errors import FileError, writing

DAYS_A_MONTH: Final = 365.25 / 12
DAYS_A_YEAR: Final = 365.25
HORIZON_DAYS: Final = 180


@dataclass(frozen=True)
class RuleSummary:
    """What one rule found.

    Args:
        rule: its name.
        fired, worse, resolved: how often.
        accounts: that it fired for.
        median_days: of the signals that ended; None when none did.
        per_account_month: signals a month and account, on average; None without any account's day.
    """

    rule: str
    fired: int
    worse: int
    resolved: int
    accounts: int
    median_days: float | None
    per_account_month: float | None


@dataclass(frozen=True)
class PageSummary:
    """How often somebody would have been disturbed.

    Args:
        red_flags: that were opened, for the first time or again.
        pages, reminders: that would have been sent.
        accounts: that were a page at least once.
        account_years: that were looked at.
        pages_per_account_year: on average; None without any day.
    """

    red_flags: int
    pages: int
    reminders: int
    accounts: int
    account_years: float
    pages_per_account_year: float | None


@dataclass(frozen=True)
class Label:
    """What is known of an account's end.

    Args:
        churned_at: when its death was final; None: it was not.
        observed_until: after that nothing is known; None: to the end of the events.
    """

    churned_at: datetime | None
    observed_until: datetime | None


@dataclass(frozen=True)
class LabelSummary:
    """How pages stand to deaths, beside what randomly timed pages at the same rate would have reached.

    Args:
        deaths: labelled ones among the replayed accounts.
        pages_per_account_year: before death, or as long as the account was observed.
        account_years: of the same time.
        paged_before_final: share of the deaths with a page at any time before; None without deaths.
        chance_before_final: the same for random pages.
        paged_in_horizon: share of the deaths with a page within the last 180 days before; None without deaths.
        chance_in_horizon: the same for random pages.
        median_lead_days: from the last page before a death to it, of those that have one; None without any.
        page_precision: share of the pages that a death follows within 180 days; None without pages.
        base_rate: the same for a day taken at random.
    """

    deaths: int
    pages_per_account_year: float
    account_years: float
    paged_before_final: float | None
    chance_before_final: float | None
    paged_in_horizon: float | None
    chance_in_horizon: float | None
    median_lead_days: float | None
    page_precision: float | None
    base_rate: float


def summarise(rows: Sequence[Row], rules: Sequence[str], account_days: int) -> list[RuleSummary]:
    """One line a rule, in the rules' order.

    Args:
        rows: in the order of time.
        rules: names of those to tell of.
        account_days: days that accounts were evaluated on, added up.
    """
    of_rule: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.event in ("firing", "worse", "resolved"):
            of_rule[row.signals].append(row)
    return [_summary(rule, of_rule[rule], account_days) for rule in rules]


def summarise_pages(rows: Sequence[Row], account_days: int) -> PageSummary:
    """How often somebody would have been disturbed."""
    counts = {event: sum(row.event == event for row in rows) for event in ("opened", "page", "reminder")}
    years = account_days / DAYS_A_YEAR
    return PageSummary(
        counts["opened"],
        counts["page"],
        counts["reminder"],
        len({row.account_id for row in rows if row.event == "page"}),
        years,
        counts["page"] / years if years > 0 else None,
    )


def summarise_labels(history: History, labels: Mapping[str, Label]) -> LabelSummary:
    """How the pages of a history stand to labelled deaths; accounts without a label are left out.

    A death is paged before it is final where a page came before its day. Chance: pages at the same rate a year, thrown
    at random, reach a stretch of so many years with 1 - exp(-rate x years).
    """
    horizon = timedelta(days=HORIZON_DAYS)
    pages: dict[str, list[datetime]] = defaultdict(list)
    for row in history.rows:
        label = labels.get(row.account_id)
        if row.event == "page" and label is not None and (label.churned_at is None or row.at < label.churned_at):
            pages[row.account_id].append(row.at)
    known = {account: label for account, label in labels.items() if account in history.days_of}
    years = {account: _years(history.days_of[account], label) for account, label in known.items()}
    total = sum(years.values())
    count = sum(len(found) for found in pages.values())
    rate = count / total if total > 0 else 0.0
    dead = {account: label.churned_at for account, label in known.items() if label.churned_at is not None}
    near = [account for account, died in dead.items() if any(died - horizon <= at for at in pages[account])]
    leads = [(died - max(pages[account])).days for account, died in dead.items() if pages[account]]
    followed = sum(died - horizon <= at for account, died in dead.items() for at in pages[account])
    in_horizon = sum(min(years[account], HORIZON_DAYS / DAYS_A_YEAR) for account in dead)
    return LabelSummary(
        deaths=len(dead),
        pages_per_account_year=rate,
        account_years=total,
        paged_before_final=len(leads) / len(dead) if dead else None,
        chance_before_final=_mean([1 - math.exp(-rate * years[account]) for account in dead]),
        paged_in_horizon=len(near) / len(dead) if dead else None,
        chance_in_horizon=1 - math.exp(-rate * HORIZON_DAYS / DAYS_A_YEAR) if dead else None,
        median_lead_days=median(leads) if leads else None,
        page_precision=followed / count if count else None,
        base_rate=in_horizon / total if total > 0 else 0.0,
    )


def read_labels(file: Path) -> dict[str, Label]:
    """Labels of a CSV: account_id, churned_at (empty: alive), and observed_until where it has that column.

    Raises:
        FileError: the file can't be read, or is none of that kind; names the line.
    """
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            reader = csv.DictReader(opened)
            missing = {"account_id", "churned_at"} - set(reader.fieldnames or ())
            if missing:
                raise FileError(f"{file}: expected the columns account_id and churned_at; {', '.join(missing)} missing")
            return {row["account_id"]: _label(file, reader.line_num, row) for row in reader}
    except OSError as error:
        raise FileError(f"{file}: can't be read: {error.strerror}; check the path given as --labels") from None


def _label(file: Path, line: int, row: Mapping[str, str]) -> Label:
    return Label(_moment(file, line, row["churned_at"]), _moment(file, line, row.get("observed_until") or ""))


def _moment(file: Path, line: int, text: str) -> datetime | None:
    """A day or a time; a day is its first moment in UTC."""
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise FileError(f"{file}:{line}: {text!r:.40}: expected a date such as 2026-03-02") from None
    return moment if moment.tzinfo is not None else datetime.combine(moment.date(), time(), UTC)


def _years(days: int, label: Label) -> float:
    """How long an account was looked at before its death was final."""
    if label.churned_at is None or label.observed_until is None:
        return days / DAYS_A_YEAR
    after = max((label.observed_until - label.churned_at).days, 0)
    return max(days - after, 0) / DAYS_A_YEAR


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _summary(rule: str, rows: list[Row], account_days: int) -> RuleSummary:
    counts = {event: sum(1 for row in rows if row.event == event) for event in ("firing", "worse", "resolved")}
    lasted = list(_durations(rows))
    return RuleSummary(
        rule,
        counts["firing"],
        counts["worse"],
        counts["resolved"],
        len({row.account_id for row in rows}),
        median(lasted) if lasted else None,
        counts["firing"] / (account_days / DAYS_A_MONTH) if account_days > 0 else None,
    )


def _durations(rows: list[Row]) -> list[float]:
    """Days from each signal's beginning to its end."""
    fired: dict[str, Row] = {}
    lasted = []
    for row in rows:
        if row.event == "firing":
            fired[row.account_id] = row
        elif row.event == "resolved" and (start := fired.pop(row.account_id, None)) is not None:
            lasted.append((row.at - start.at).total_seconds() / 86_400)
    return lasted


def write_rows(rows: Sequence[Row], out: Path) -> None:
    """The rows as CSV; an unknown score is an empty cell.

    Raises:
        FileError: the file can't be written.
    """
    with writing(out, "--out"), out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        for row in rows:
            writer.writerow([_cell(cell) for cell in row])


def _cell(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else safe_cell(value)
