"""All measures of all accounts, as of the end of a calendar day, from the raw events and nothing else."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle import success, surveys, tickets, usage

EPOCH = date(1970, 1, 1)

Measures = dict[str, dict[str, Any]]


class Batch:
    """Raw events, read once, asked as of many days.

    Args:
        events: JSON objects with a `type`, in any order, repeats and all.
        core_features: the product's catalogue.
        zone: whose calendar days are counted, of every account.
    """

    def __init__(
        self, events: Sequence[dict[str, Any]], core_features: Collection[str] = (), zone: str = "UTC"
    ) -> None:
        self._zone = ZoneInfo(zone)
        self._core = frozenset(core_features)
        timed = [event | {"ms": _ms(event.get("timestamp"))} for event in events]
        self._usage = usage.frame(timed, zone)
        self._answers = surveys.frame(timed, zone)
        self._tickets: dict[str, list[dict[str, Any]]] = {}
        for event in timed:
            if event["type"] == "ticket":
                self._tickets.setdefault(event["account_id"], []).append(event)
        self._events: dict[str, list[dict[str, Any]]] = {}
        for event in timed:
            self._events.setdefault(event["account_id"], []).append(event)
        updates = [event for event in timed if event["type"] == "account" and "licensed_seats" in event]
        self._seats = {event["account_id"]: event["licensed_seats"] for event in sorted(updates, key=lambda e: e["ms"])}

    def at(self, as_of_day: date) -> Measures:
        """account_id to measure id to value, for every account with an event up to that day.

        Measures of usage, tickets and answers are missing where the account had no event of the kind.
        """
        day = (as_of_day - EPOCH).days
        found = usage.measures(self._usage, day, self._seats, self._core)
        for account_id, values in surveys.measures(self._answers, day).items():
            found.setdefault(account_id, {}).update(values)
        for account_id, events in self._tickets.items():
            if all(tickets.day_in(self._zone, event["ms"]) > day for event in events):
                continue
            values = found.setdefault(account_id, {})
            values.update(tickets.measures(events, day, values.get("mau", 0), self._zone))
        for account_id, events in self._events.items():
            if any(e["type"] != "account" and tickets.day_in(self._zone, e["ms"]) <= day for e in events):
                values = found.setdefault(account_id, {})
                values.update(success.measures(events, day, self._zone, values))
        return found


def recompute(events: Sequence[dict[str, Any]], as_of_day: date, core_features: Collection[str] = ()) -> Measures:
    """The same for one day."""
    return Batch(events, core_features).at(as_of_day)


def _ms(timestamp: str | int | None) -> int:
    """Epoch milliseconds, rounded down; 0 without a time."""
    if isinstance(timestamp, str):
        since = datetime.fromisoformat(timestamp) - datetime(1970, 1, 1, tzinfo=UTC)
        return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    return timestamp or 0
