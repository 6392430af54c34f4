"""What was recorded only after a period had ended and changed it all the same, each with the event that did."""

from dataclasses import dataclass

import duckdb

from consumers.portfolio.days import Period, day_at
from consumers.portfolio.entries import EntryError, SubscriptionEntry, read_entry
from consumers.portfolio.money import Rates
from consumers.portfolio.subscription_history import RevenueInterval, Rules, history


@dataclass(frozen=True, slots=True)
class Restatement:
    """One late event, and what it did to the revenue at the period's end.

    Attributes:
        recorded_ms: when it came.
        effective_day: the day from which it counts.
        before_minor, after_minor: the subscription's annual recurring revenue at the period's end, without it and with
            it, in the company's currency.
    """

    account: str
    subscription: str
    event_id: str
    status: str
    recorded_ms: int
    effective_day: int
    before_minor: int | None
    after_minor: int | None


def restatements(db: duckdb.DuckDBPyConnection, period: Period, rules: Rules, rates: Rates) -> list[Restatement]:
    """Every late event that moved the period's end, in the order in which they came.

    Args:
        db: a reader's connection.
        period: which has ended.
        rules, rates: the company's.
    """
    rows = db.execute(
        """
        SELECT account, recorded_ms, event_id, body FROM ledger
        WHERE kind = 'subscription' AND problem IS NULL ORDER BY recorded_ms, partition, "offset"
        """
    ).fetchall()
    of: dict[tuple[str, str], list[tuple[int, str, SubscriptionEntry]]] = {}
    for account, recorded_ms, event_id, body in rows:
        entry = _entry(body, event_id)
        if entry is not None:
            of.setdefault((account, entry.subscription), []).append((recorded_ms, event_id, entry))
    found: list[Restatement] = []
    for (account, subscription), recorded in of.items():
        if day_at(recorded[-1][0], rules.zone) >= period.next_day:
            found += _of_subscription(account, subscription, recorded, period, rules, rates)
    return sorted(found, key=lambda each: (each.recorded_ms, each.event_id))


def _entry(body: str, event_id: str) -> SubscriptionEntry | None:
    try:
        entry = read_entry("subscription", body, event_id)
    except EntryError:
        return None
    return entry if isinstance(entry, SubscriptionEntry) else None


def _of_subscription(
    account: str,
    subscription: str,
    recorded: list[tuple[int, str, SubscriptionEntry]],
    period: Period,
    rules: Rules,
    rates: Rates,
) -> list[Restatement]:
    """The late ones of one subscription: its worth at the period's end before and after each."""
    known: dict[str, SubscriptionEntry] = {}
    found: list[Restatement] = []
    for recorded_ms, event_id, entry in recorded:
        late = day_at(recorded_ms, rules.zone) >= period.next_day
        before = _worth(subscription, known, period, rules, rates) if late else 0
        known[event_id] = entry
        if not late:
            continue
        after = _worth(subscription, known, period, rules, rates)
        if before != after:
            effective_day = day_at(entry.effective_ms, rules.zone)
            found.append(
                Restatement(account, subscription, event_id, entry.status, recorded_ms, effective_day, before, after)
            )
    return found


def _worth(
    subscription: str, known: dict[str, SubscriptionEntry], period: Period, rules: Rules, rates: Rates
) -> int | None:
    day = period.next_day - 1
    intervals: list[RevenueInterval] = history(subscription, known.values(), rules).intervals
    held = [each for each in intervals if each.from_day <= day < each.to_day]
    minors = [rates.value(each.arr_minor, each.currency, day) for each in held]
    return None if None in minors else sum(minor for minor in minors if minor is not None)
