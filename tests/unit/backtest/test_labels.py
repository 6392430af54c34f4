"""Churn dates from a file: what is taken, and what is named by its line and left out."""

from pathlib import Path

import pytest

from heartline.backtest.labels import EPOCH_DAY, Label, Labels, read_labels
from heartline.errors import FileError
from stream.contracts.errors import ConfigError
from tests.unit.backtest.days import day

FIRST = {"acme": day("2023-01-10"), "beta": day("2023-01-10"), "gamma": day("2023-01-10")}
TODAY = day("2024-06-30")


def read(tmp_path: Path, text: str | bytes) -> Labels:
    """The labels of a file with a text."""
    path = tmp_path / "churned.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_labels(path, FIRST, TODAY)


def test_dates_times_and_empty_cells_are_understood(tmp_path: Path) -> None:
    """An account without a line is retained like one with an empty cell."""
    text = "account_id,churned_at,observed_until\nacme,2023-08-01,\nbeta,2023-09-01T10:00:00Z,2023-12-31\n"
    found = read(tmp_path, text)
    assert found.problems == []
    assert found.of("acme") == Label(day("2023-08-01"))
    assert found.of("beta") == Label(day("2023-09-01"), day("2023-12-31"))
    assert found.of("gamma") == Label(None)
    assert found.churned == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\ufeffaccount_id,churned_at\nacme,2023-08-01\n", "a spreadsheet writes a byte order mark"),
        ("account_id;churned_at\r\nacme;2023-08-01\r\n", "and semicolons in half of Europe"),
        ("name\taccount_id\tchurned_at\nAcme\tacme\t2023-08-01\n", "tabs, and a column that nobody asked for"),
        ("Account_ID, Churned_At \n acme , 2023-08-01 \n\n", "spaces, capitals and an empty line"),
        ('account_id,churned_at\n"acme","2023-08-01"', "quotes, and no end of the last line"),
    ],
)
def test_files_as_people_export_them_are_read(tmp_path: Path, text: str, why: str) -> None:
    found = read(tmp_path, text)
    assert (found.of("acme"), found.problems) == (Label(day("2023-08-01")), []), why


@pytest.mark.parametrize(
    ("line", "says", "left_out"),
    [
        ("delta,2023-08-01", "account 'delta' has no events", False),
        (",2023-08-01", "account_id is empty", False),
        ("acme,2023-02-30", "churned_at = '2023-02-30' is no date; expected one as 2024-03-31", True),
        ("acme,31.12.2023", "is no date", True),
        ("acme,yes", "is no date", True),
        ("acme,2024-07-01", "lies in the future; expected a day until 2024-06-30", True),
        ("acme,2022-12-31", "lies before the first event of 'acme', 2023-01-10", True),
        ("beta,2023-08-02", "account 'beta' has another date in line 2; the account is left out", True),
        ("beta,", "account 'beta' has another date in line 2", True),
        ("beta,2023-08-01", "account 'beta' stands in line 2 already", False),
    ],
)
def test_a_line_that_cannot_be_true_is_named_and_left_out(tmp_path: Path, line: str, says: str, left_out: bool) -> None:
    """With file and line; its account counts neither as churned nor as retained, unless nothing is in doubt."""
    found = read(tmp_path, f"account_id,churned_at\nbeta,2023-08-01\n{line}\ngamma,2023-09-01\n")
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"{tmp_path}/churned.csv:3: ")
    assert says in found.problems[0]
    account = line.split(",")[0]
    assert (account in found.left_out) is left_out
    assert (found.of(account) is None) is left_out
    assert found.of("gamma") == Label(day("2023-09-01"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("customer,churned_at\nacme,2023-08-01\n", "churned.csv:1: there is no column account_id; .*found customer"),
        ("account_id,left\nacme,2023-08-01\n", "churned.csv:1: there is no column churned_at"),
        ("", "found nothing"),
    ],
)
def test_a_missing_column_is_told_with_those_that_are_there(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read(tmp_path, text)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is no UTF-8 text"):
        read(tmp_path, b"account_id,churned_at\nacm\xe9,2023-08-01\n")
    with pytest.raises(FileError, match="can't be read: No such file"):
        read_labels(tmp_path / "nothing.csv", FIRST, TODAY)


def test_day_0_is_the_day_0_of_the_fold() -> None:
    assert day("1970-01-02") == (EPOCH_DAY - EPOCH_DAY).days + 1
