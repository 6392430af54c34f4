"""What a history of alerts adds up to, rule by rule; and its file."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Final

from heartline.alert_replay.history import Row
from heartline.errors import FileError

DAYS_A_MONTH: Final = 365.25 / 12


@dataclass(frozen=True)
class RuleSummary:
    """What one rule said.

    Args:
        rule: its name.
        opened, updated, resolved: how often.
        accounts: that it opened for.
        median_days: of the episodes that ended; None when none did.
        per_account_month: openings a month and account, on average; None without any account's day.
    """

    rule: str
    opened: int
    updated: int
    resolved: int
    accounts: int
    median_days: float | None
    per_account_month: float | None


def summarise(rows: Sequence[Row], rules: Sequence[str], account_days: int) -> list[RuleSummary]:
    """One line a rule, in the rules' order.

    Args:
        rows: in the order of time.
        rules: names of those to tell of.
        account_days: days that accounts were judged on, added up.
    """
    of_rule: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_rule[row.rule].append(row)
    return [_summary(rule, of_rule[rule], account_days) for rule in rules]


def _summary(rule: str, rows: list[Row], account_days: int) -> RuleSummary:
    counts = {event: sum(1 for row in rows if row.event == event) for event in ("opened", "updated", "resolved")}
    lasted = list(_durations(rows))
    return RuleSummary(
        rule,
        counts["opened"],
        counts["updated"],
        counts["resolved"],
        len({row.account_id for row in rows}),
        median(lasted) if lasted else None,
        counts["opened"] / (account_days / DAYS_A_MONTH) if account_days > 0 else None,
    )


def _durations(rows: list[Row]) -> list[float]:
    """Days from each opening to its end."""
    opened: dict[str, Row] = {}
    lasted = []
    for row in rows:
        if row.event == "opened":
            opened[row.account_id] = row
        elif row.event == "resolved" and (start := opened.pop(row.account_id, None)) is not None:
            lasted.append((row.at - start.at).total_seconds() / 86_400)
    return lasted


def write_rows(rows: Sequence[Row], out: Path) -> None:
    """The rows as CSV; an unknown score is an empty cell.

    Raises:
        FileError: the file can't be written.
    """
    try:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(Row._fields)
            for row in rows:
                writer.writerow(
                    [cell.isoformat(timespec="seconds") if isinstance(cell, datetime) else cell for cell in row]
                )
    except OSError as error:
        raise FileError(f"{out}: can't be written: {error.strerror}; check the path given as --out") from None
