"""Account-days as they are kept: whatever form they came in, each once, in its newest version."""

import threading
from pathlib import Path

import duckdb
import pytest

from consumers.portfolio.ledger_record import LedgerRecord
from consumers.portfolio.store import Store
from tests.unit.consumers.portfolio.books import RULES

PLAIN = b'{"account_id":"acme","day":"2026-03-01","score":61.5,"mau":7,"features":["maps","reports"]}'
FORMS = {
    "as the worker writes it": PLAIN,
    "with a field that nobody knows": PLAIN[:-1] + b',"colour":"red"}',
    "with fields of the ledger's own": PLAIN[:-1] + b',"offset":99,"recorded_ms":5,"topic":"other"}',
    "over several lines": PLAIN.replace(b",", b",\r\n  "),
    "with a space before it": b" " + PLAIN,
    "with a field that is there twice, of which the last one holds": PLAIN[:-1] + b',"mau":7}',
    "with escaped letters": PLAIN.replace(b"maps", b"m\\u0061ps"),
}


def day(body: bytes, offset: int, partition: int = 0) -> LedgerRecord:
    return LedgerRecord("account-days", partition, offset, "account_day", 1_000 + offset, body)


def kept(store: Store, table: str = "account_days") -> list[tuple[object, ...]]:
    columns = 'account, day, score, mau, features, topic, "offset", recorded_ms'
    return store.cursor().execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()


@pytest.mark.parametrize("why", FORMS)
def test_a_day_is_the_same_in_whatever_form_it_came(why: str) -> None:
    store = Store(RULES)
    other = PLAIN.replace(b"acme", b"zebra")
    assert store.append([day(FORMS[why], 0), day(other, 1)]) == 2
    what = (20_513, 61.5, 7, ["maps", "reports"], "account-days")
    assert kept(store) == [("acme", *what, 0, 1_000), ("zebra", *what, 1, 1_001)]


@pytest.mark.parametrize("batches", [[4], [1, 3], [2, 2], [1, 1, 1, 1]], ids=str)
def test_of_a_days_versions_the_newest_holds_and_the_others_are_kept_aside(batches: list[int]) -> None:
    versions = [PLAIN.replace(b"61.5", score) for score in (b"1", b"2", b"3")]
    told = [day(body, offset) for offset, body in enumerate([versions[0], PLAIN.replace(b"03-01", b"02-01")])]
    told += [day(body, 2 + offset) for offset, body in enumerate(versions[1:])]
    store, at = Store(RULES), 0
    for count in batches:
        store.append(told[at : at + count])
        at += count
    assert [(row[1], row[2], row[6]) for row in kept(store)] == [(20_485, 61.5, 1), (20_513, 3.0, 3)]
    assert [(row[2], row[6]) for row in kept(store, "account_days_replaced")] == [(1.0, 0), (2.0, 2)]


def test_what_is_no_day_is_in_the_ledger_with_the_reason_and_no_day_beside_it_is_lost() -> None:
    store = Store(RULES)
    store.append([day(PLAIN, 0), day(PLAIN.replace(b"61.5", b'"high"'), 1), day(PLAIN.replace(b"acme", b"zebra"), 2)])
    assert [row[0] for row in kept(store)] == ["acme", "zebra"]
    problems = store.cursor().execute("SELECT problem FROM ledger").fetchall()
    assert len(problems) == 1
    assert "account-days[0]@1: Expected `float | null`, got `str`" in problems[0][0]


def test_a_question_that_takes_long_does_not_keep_the_file_from_being_closed(tmp_path: Path) -> None:
    """As at a SIGTERM while a page of years is asked for: it is interrupted, and the ledger is as it was committed."""
    store = Store(RULES, tmp_path / "ledger.duckdb")
    store.append([day(PLAIN, 0)])
    cursor, begun, failures = store.cursor(), threading.Event(), list[BaseException]()

    def ask() -> None:
        begun.set()
        try:
            cursor.execute("SELECT count(*) FROM range(3000000) a, range(3000) b WHERE a.range * b.range % 7 = 3")
        except duckdb.Error as error:
            failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    begun.wait()
    store.close()
    asking.join()
    assert len(failures) == 1
    again = Store(RULES, tmp_path / "ledger.duckdb")
    assert [row[0] for row in kept(again)] == ["acme"]
    again.close()
