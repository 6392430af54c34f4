"""When accounts churned, from a CSV: what can't be true is named by its line, counted, and its account left out.

An account that is left out is no retained account either: whoever wrote the line meant that something became of it.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from heartline.errors import FileError
from stream.contracts.errors import ConfigError

ACCOUNT: Final = ("account_id", "account")
CHURNED: Final = ("churned_at", "churned_on", "churn_date", "date")
OBSERVED: Final = ("observed_until",)
EPOCH_DAY: Final = date(1970, 1, 1)


class Label(NamedTuple):
    """What became of an account.

    Attributes:
        churned_day: the day (since 1970-01-01) it churned on; None: it had not, as far as it was observed.
        observed_day: the last day of which anything is known; None: the last day of all events.
    """

    churned_day: int | None
    observed_day: int | None = None


@dataclass
class Labels:
    """The labels of a file.

    Attributes:
        by_account: the good ones.
        left_out: accounts of which a line says what can't be true.
        problems: lines that were left out, as file:line: why, in the order of lines.
    """

    by_account: dict[str, Label] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def of(self, account_id: str) -> Label | None:
        """The label of an account, retained where no line names it; None where it is left out."""
        return None if account_id in self.left_out else self.by_account.get(account_id, Label(None))

    @property
    def churned(self) -> int:
        """How many accounts churned."""
        return sum(label.churned_day is not None for label in self.by_account.values())


class _Line(NamedTuple):
    """One line of the file, taken apart."""

    number: int
    account_id: str
    churned: str
    observed: str


class _BadLabelError(Exception):
    """What is wrong with a line."""


class _RepeatedLabelError(_BadLabelError):
    """A line says what another said before; nothing is in doubt."""


def read_labels(path: Path, first_days: Mapping[str, int], today: int) -> Labels:
    """The churn dates of a file.

    Args:
        path: a CSV with a header: account_id, churned_at (a date or an ISO time; empty: retained) and, where the
            account's observation ends before the events do, observed_until. Other columns are not read.
        first_days: of each account that has events, the day of its first one.
        today: days since 1970-01-01; a later date is impossible.

    Raises:
        FileError: the file can't be read.
        ConfigError: a column is missing.
    """
    found = Labels()
    lines: dict[str, int] = {}
    for line in _lines(path):
        try:
            label = _label(line, first_days, today)
            if line.account_id in lines:
                raise _about_repeat(line, lines[line.account_id], found, label)
        except _BadLabelError as error:
            found.problems.append(f"{path}:{line.number}: {error}")
            if line.account_id in first_days and not isinstance(error, _RepeatedLabelError):
                found.left_out.add(line.account_id)
            continue
        lines[line.account_id] = line.number
        found.by_account[line.account_id] = label
    for account_id in found.left_out:
        found.by_account.pop(account_id, None)
    return found


def _about_repeat(line: _Line, before: int, found: Labels, label: Label) -> _BadLabelError:
    if found.by_account[line.account_id] == label:
        return _RepeatedLabelError(
            f"account {line.account_id!r} stands in line {before} already, with the same date; it is counted once"
        )
    return _BadLabelError(
        f"account {line.account_id!r} has another date in line {before}; the account is left out, for nobody knows"
        " which one is true; an account that came back needs one line, with the date of its last churn"
    )


def _label(line: _Line, first_days: Mapping[str, int], today: int) -> Label:
    """The label of a line.

    Raises:
        _BadLabelError: it says what can't be true.
    """
    if not line.account_id:
        raise _BadLabelError("account_id is empty; expected an account of the events")
    if line.account_id not in first_days:
        raise _BadLabelError(f"account {line.account_id!r} has no events; check its id and the files of events")
    churned = _day(line.churned, "churned_at", today)
    observed = _day(line.observed, "observed_until", today)
    first = first_days[line.account_id]
    for name, text, day in (("churned_at", line.churned, churned), ("observed_until", line.observed, observed)):
        if day is not None and day < first:
            raise _BadLabelError(
                f"{name} = {text!r} lies before the first event of {line.account_id!r}, {day_text(first)}"
            )
    return Label(churned, observed)


def _day(text: str, name: str, today: int) -> int | None:
    """A date as a day since 1970-01-01; None for an empty cell.

    Raises:
        _BadLabelError: it is no date, or lies in the future.
    """
    if not text:
        return None
    try:
        day = (datetime.fromisoformat(text).date() - EPOCH_DAY).days
    except ValueError:
        raise _BadLabelError(f"{name} = {text[:40]!r} is no date; expected one as 2024-03-31") from None
    if day > today:
        raise _BadLabelError(f"{name} = {text!r} lies in the future; expected a day until {day_text(today)}")
    return day


def _lines(path: Path) -> Iterator[_Line]:
    """Every line under the header.

    Raises:
        FileError: the file can't be read as UTF-8 text.
        ConfigError: a column is missing.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise FileError(f"{path}: can't be read: {error.strerror}; check the path given as --churned") from None
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is no UTF-8 text (byte {error.start}); expected a CSV with a header") from None
    header = text.split("\n", 1)[0]
    delimiter = next((sign for sign in (",", ";", "\t") if sign in header), ",")
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    names = [name.strip().lower() for name in next(reader, [])]
    account, churned = _column(path, names, ACCOUNT), _column(path, names, CHURNED)
    observed = next((names.index(name) for name in OBSERVED if name in names), None)
    for row in reader:
        if any(cell.strip() for cell in row):
            yield _Line(reader.line_num, _cell(row, account), _cell(row, churned), _cell(row, observed))


def _column(path: Path, names: list[str], wanted: tuple[str, ...]) -> int:
    for name in wanted:
        if name in names:
            return names.index(name)
    found = ", ".join(names) or "nothing"
    raise ConfigError(f"{path}:1: there is no column {wanted[0]}; expected account_id and churned_at, found {found}")


def _cell(row: list[str], at: int | None) -> str:
    return row[at].strip() if at is not None and at < len(row) else ""


def day_text(day: int) -> str:
    """A day since 1970-01-01 as people write it.

    >>> day_text(19_813)
    '2024-03-31'
    """
    return (EPOCH_DAY + timedelta(days=day)).isoformat()
