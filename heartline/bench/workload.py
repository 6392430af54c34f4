"""Made-up events in the proportions of a B2B product: 95 % usage, 4 % tickets, 1 % survey answers.

The same sizes give the same events, but for their day. Ids look like those of real feeds, for their length is part of
the cost. Every event counts in its own way (a new transition of a ticket, an answer of its own), so that a tally by
account can be compared with the states that came of them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Final, Literal

from heartline.replay.lines import InputRecord
from stream.calendar.day import DAY_MS

Distribution = Literal["zipf", "uniform"]

USAGE_SHARE: Final = 0.95
TICKET_SHARE: Final = 0.04
FEATURES: Final = 40
SPAN_DAYS: Final = 30
_TICKET_LIFE: Final = ("opened", "escalated", "solved", "closed")
_BATCH: Final = 5_000
_SEED: Final = 20


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a run.

    Attributes:
        events: how many are sent before the clock starts.
        accounts: how many there can be; with few events, fewer are met.
        users_per_account: each event is of one of them, all equally likely.
        distribution: of events over accounts. zipf: the account of rank r gets a share of 1/r; uniform: all alike.
    """

    events: int
    accounts: int
    users_per_account: int
    distribution: Distribution


@dataclass(slots=True)
class Tally:
    """How many events of each kind each account was sent, by the account's number."""

    usage: list[int]
    tickets: list[int]
    answers: list[int]

    @property
    def total(self) -> int:
        """All events together."""
        return sum(self.usage) + sum(self.tickets) + sum(self.answers)


class Workload:
    """An endless feed; each call of `events` goes on where the last one ended.

    Args:
        shape: the sizes.
        end_ms: the moment by which history ends, epoch milliseconds.
    """

    def __init__(self, shape: Shape, end_ms: int) -> None:
        self._random = random.Random(_SEED)  # noqa: S311 - it makes test data
        self._shape = shape
        self._end_ms = end_ms
        ranks = range(1, shape.accounts + 1)
        self._weights = list(accumulate(1 / rank if shape.distribution == "zipf" else 1.0 for rank in ranks))
        self._ids = [account_id(number) for number in range(shape.accounts)]
        self._keys = [name.encode() for name in self._ids]
        self._clock = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86_400)]
        self._sent = 0
        self.tally = Tally(*([0] * shape.accounts for _ in range(3)))

    def history(self) -> Iterator[InputRecord]:
        """The events of the shape, evenly over the days before the end."""
        step_ms = SPAN_DAYS * DAY_MS / self._shape.events
        return self._make(self._shape.events, self._end_ms - SPAN_DAYS * DAY_MS, step_ms)

    def present(self, count: int, at_ms: int) -> Iterator[InputRecord]:
        """Further events, all of one moment."""
        return self._make(count, at_ms, 0.0)

    def over(self, count: int, first_ms: int, span_ms: int) -> Iterator[InputRecord]:
        """Further events, evenly over a time."""
        return self._make(count, first_ms, span_ms / count)

    def everyone(self, first_ms: int, span_ms: int) -> Iterator[InputRecord]:
        """One event of use of every account, evenly over a time."""
        for number in range(self._shape.accounts):
            yield self._event(number, first_ms + number * span_ms // self._shape.accounts, 0.0, 0.0)

    def _make(self, count: int, first_ms: int, step_ms: float) -> Iterator[InputRecord]:
        """Events a batch of choices at a time: choosing one by one costs more than making an event."""
        chance, population = self._random.random, range(self._shape.accounts)
        for start in range(0, count, _BATCH):
            size = min(_BATCH, count - start)
            chosen = self._random.choices(population, cum_weights=self._weights, k=size)
            for offset, account in enumerate(chosen, start):
                yield self._event(account, int(first_ms + offset * step_ms), chance(), chance())

    def _event(self, account: int, ms: int, kind: float, who: float) -> InputRecord:
        """One event; `kind` and `who` are chances, 0 up to 1."""
        number = self._sent
        self._sent = number + 1
        days, in_day_ms = divmod(ms, DAY_MS)
        seconds, rest_ms = divmod(in_day_ms, 1000)
        head = f'{{"event_id":"e{number:015x}","account_id":"{self._ids[account]}"'
        user = int(who * self._shape.users_per_account)
        tail = f'"user_id":"user-{user:06}","timestamp":"{_date(days)}T{self._clock[seconds]}.{rest_ms:03}Z"}}'
        if kind < USAGE_SHARE:
            self.tally.usage[account] += 1
            return InputRecord(
                "usage", self._keys[account], f'{head},"feature":"feature-{number % FEATURES:02}",{tail}'.encode(), ms
            )
        if kind < USAGE_SHARE + TICKET_SHARE:
            seen = self.tally.tickets[account]
            self.tally.tickets[account] = seen + 1
            ticket, status = divmod(seen, len(_TICKET_LIFE))
            body = f'"ticket_id":"t{account}-{ticket}","status":"{_TICKET_LIFE[status]}","priority":"high"'
            return InputRecord("ticket", self._keys[account], f"{head},{body},{tail}".encode(), ms)
        self.tally.answers[account] += 1
        body = f'"survey":"nps","score":{number % 11},"response_id":"r{number:015x}"'
        return InputRecord("survey", self._keys[account], f"{head},{body},{tail}".encode(), ms)


def account_id(number: int) -> str:
    """What an account is called."""
    return f"account-{number:07}"


_dates: dict[int, str] = {}


def _date(day: int) -> str:
    """A day since 1970 as 2026-03-02; remembered, for there are only a few."""
    text = _dates.get(day)
    if text is None:
        text = _dates[day] = datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")
    return text
