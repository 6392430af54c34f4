"""A small ledger in memory that tests write their events into, and figures out of it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from consumers.portfolio.days import day_number, parse_period
from consumers.portfolio.facts import Dimension
from consumers.portfolio.figures import MOVEMENT_FIGURES, figure
from consumers.portfolio.ledger_record import LedgerRecord
from consumers.portfolio.query import FigureValue, Query
from consumers.portfolio.store import Store
from consumers.portfolio.subscription_history import Rules

Event = dict[str, Any]
RULES = Rules(ZoneInfo("UTC"), "EUR")


def moment_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def records(events: Iterable[Event], partitions: int = 1, first_offset: int = 0) -> list[LedgerRecord]:
    """The events as records in this order, an account's always in one partition."""
    found = []
    ends: dict[tuple[str, int], int] = {}
    for event in events:
        partition = sum(str(event.get("account_id", "")).encode()) % partitions
        source = event["type"], partition
        offset = ends.get(source, first_offset)
        ends[source] = offset + 1
        recorded_ms = moment_ms(str(event.get("recorded_at", event["timestamp"])))
        found.append(LedgerRecord(*source, offset, event["type"], recorded_ms, msgspec.json.encode(event)))
    return found


class Books:
    """Subscriptions of accounts as short calls, in the order in which they are recorded."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.events: list[Event] = []
        self._built: tuple[bytes, Store] | None = None

    def add(self, kind: str, day: str, account: str = "acme", /, **more: Any) -> Event:
        """An event at noon of a day (or at a whole moment)."""
        moment = day if "T" in day else f"{day}T12:00:00+00:00"
        event = {"type": kind, "event_id": f"e{len(self.events)}", "account_id": account, "timestamp": moment} | more
        self.events.append(event)
        return event

    def subscription(
        self, day: str, status: str, monthly: float | None = None, account: str = "acme", **more: Any
    ) -> Event:
        """A change of a subscription; monthly: its price in EUR, unless `currency` says another."""
        priced = {} if monthly is None else {"amount": monthly, "currency": "EUR"}
        sent = {"subscription_id": "s1", "status": status} | priced | more
        if sent.get("effective_at"):
            sent["effective_at"] = f"{sent['effective_at']}T12:00:00+00:00"
        if sent.get("term_end"):
            sent["term_end"] = f"{sent['term_end']}T12:00:00+00:00"
        return self.add("subscription", day, account, **sent)

    def store(self) -> Store:
        """Everything so far, derived; the same one until there is more."""
        sent = msgspec.json.encode(self.events)
        if self._built is None or self._built[0] != sent:
            store = Store(self.rules)
            store.append(records(self.events))
            store.refresh()
            self._built = sent, store
        return self._built[1]

    def figures(
        self, period: str, *ids: str, today: str = "2030-01-01", by: Dimension | None = None
    ) -> dict[Any, FigureValue]:
        """The figures of one period: by id, or by (id, group)."""
        store = self.store()
        as_of = day_number(datetime.fromisoformat(today).date())
        values = Query(store.cursor(), self.rules, as_of).figures(
            [figure(id_) for id_ in ids], [parse_period(period)], by
        )
        return {each.figure if by is None else (each.figure, each.group): each for each in values}

    def values(self, period: str, *ids: str, today: str = "2030-01-01") -> list[Any]:
        """The same, values alone, in the order of the ids."""
        found = self.figures(period, *ids, today=today)
        return [found[id_].value for id_ in ids]

    def movements(self, period: str) -> dict[str, float]:
        """What moved, in whole EUR a month; zeros left out."""
        found = self.figures(period, *MOVEMENT_FIGURES)
        return {id_: value / 1200 for id_ in MOVEMENT_FIGURES if (value := found[id_].value)}
