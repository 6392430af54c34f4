"""The ledger without an erased account, or without a user's id, whichever topic is read first."""

from typing import Any

import pytest

from consumers.portfolio.ledger_record import LedgerRecord
from consumers.portfolio.store import Store
from stream.kinds.erasure import user_digest
from tests.unit.consumers.portfolio.books import RULES, Books, moment_ms, records

ERASED_MS = moment_ms("2026-02-01T12:00:00+00:00")


def books() -> Books:
    """Two accounts, one of which was asked; it comes back a month after it was erased."""
    found = Books()
    for account in ("acme", "birch"):
        found.subscription("2026-01-01", "started", 100, account, subscription_id=f"s-{account}")
        found.add("survey", "2026-01-05", account, user_id="u1", survey="nps", score=9, comment="our Ann likes it")
    found.subscription("2026-03-01", "started", 70, "acme", subscription_id="s-new")
    return found


def everything(store: Store) -> str:
    """All rows of all tables."""
    tables = [name for (name,) in store.cursor().execute("SELECT table_name FROM duckdb_tables()").fetchall()]
    return repr([store.cursor().execute(f'FROM "{name}"').fetchall() for name in tables])


def kept(told: list[LedgerRecord]) -> tuple[Store, list[Any]]:
    """The store of these records in this order, and the revenue that it knows: (account, minor units a year)."""
    store = Store(RULES)
    store.append(told)
    store.refresh()
    rows = store.cursor().execute("SELECT account, arr_minor FROM intervals ORDER BY ALL").fetchall()
    return store, rows


@pytest.mark.parametrize("first", [True, False], ids=["the erasure is read first", "the erasure is read last"])
def test_an_erased_account_is_left_out_of_everything_before_its_erasure(first: bool) -> None:
    told = records(books().events)
    erasure = LedgerRecord("account", 0, 0, "account", ERASED_MS, b"", "acme")
    store, revenue = kept([erasure, *told] if first else [*told, erasure])
    assert revenue == [("acme", 84_000), ("birch", 120_000)], "its second life counts"
    assert "s-acme" not in everything(store)
    assert "s-birch" in everything(store)


@pytest.mark.parametrize("first", [True, False], ids=["the erasure is read first", "the erasure is read last"])
def test_an_erased_user_s_answer_counts_and_names_nobody(first: bool) -> None:
    told = [each for each in records(books().events) if b"birch" not in each.body]
    body = b'{"account_id": "acme", "event_id": "x", "erase_users": ["%s"]}' % user_digest("u1").encode()
    erasure = LedgerRecord("account", 0, 0, "account", ERASED_MS, body)
    store, _ = kept([erasure, *told] if first else [*told, erasure])
    assert store.cursor().execute("SELECT account, user_id, score FROM answers").fetchall() == [
        ("acme", "erased-0-0-0", 9)
    ]
    assert not [word for word in ("u1'", '"u1"', "Ann") if word in everything(store)]


@pytest.mark.parametrize("first", [True, False], ids=["the erasure is read first", "the erasure is read last"])
def test_what_was_recorded_under_an_alias_is_erased_with_its_account(first: bool) -> None:
    found = books()
    found.add("account", "2026-01-10", "acme", aliases=["cus_1"])
    found.subscription("2026-01-11", "started", 55, "cus_1", subscription_id="s-alias")
    told = records(sorted(found.events, key=lambda event: str(event["timestamp"])))
    erasure = LedgerRecord("account", 0, 7, "account", ERASED_MS, b"", "acme")
    update = [each for each in told if each.kind == "account"]
    others = [each for each in told if each.kind != "account"]
    order = [*update, erasure, *others] if first else [*others, *update, erasure]
    store, revenue = kept(order)
    assert revenue == [("acme", 84_000), ("birch", 120_000)]
    assert "s-alias" not in everything(store)
