"""An account's days that are over: each is written once, and again when an event of it comes late.

Which day was written last is part of the account's state, and its record goes out with that state in one transaction:
so a crash neither loses a day nor writes it a second time.
"""

from collections.abc import Iterable, Sequence

from stream.calendar.zones import zone
from stream.contracts.account_day import encode_account_day
from stream.contracts.errors import BadEvent
from stream.contracts.events import InputEvent
from stream.engine.partition import Output
from stream.kinds.state import AccountState, zone_of
from stream.measures.product_config import ProductConfig
from stream.scoring.account_day import REACH_DAYS, close_day
from stream.scoring.scorecard import Scorecards
from stream.worker.account_partition import AccountPartition


class DayClosing:
    """Writes the days of accounts.

    Args:
        topic: of account-days.
        scorecards, core_features, product: what they are evaluated by.
    """

    def __init__(
        self, topic: str, scorecards: Scorecards, core_features: frozenset[str], product: ProductConfig
    ) -> None:
        self._topic = topic
        self._scorecards = scorecards
        self._core_features = core_features
        self._product = product

    def close(self, partition: AccountPartition, account_id: str, state: AccountState, today: int) -> None:
        """Write what is over and was not written, and again what events came late for, `REACH_DAYS` back at most.

        The first evaluation of an account writes nothing: its days are known from the one on which that happens.

        Args:
            partition: gets the records.
            account_id, state: the account.
            today: its day.
        """
        yesterday, closed_day = today - 1, state.closed_day
        if closed_day == 0:
            state.closed_day, state.reopened_day = yesterday, 0
            partition.dirty.add(account_id)
            return
        first = closed_day + 1 if state.reopened_day == 0 else min(state.reopened_day, closed_day + 1)
        if first > yesterday:
            return
        at = zone_of(state)
        for day in range(max(first, today - REACH_DAYS), today):
            found = close_day(
                account_id, state, at.end_of_day_ms(day), self._scorecards, self._core_features, self._product
            )
            partition.outputs.append(Output(self._topic, account_id.encode(), encode_account_day(found)))
        state.closed_day, state.reopened_day = max(yesterday, closed_day), 0
        partition.dirty.add(account_id)


def begin_day(partition: AccountPartition, now_ms: int) -> None:
    """Note from which moment on an event can be of no closed day, wherever its account is.

    Args:
        partition: all of its accounts have been evaluated since the start, so that all zones are known.
        now_ms: the moment.
    """
    zones = map(zone, {"UTC", *partition.zones.values()})
    partition.open_since_ms = max(each.end_of_day_ms(each.day_of(now_ms) - 1) + 1 for each in zones)


def reopen_days(partition: AccountPartition, events: Sequence[InputEvent | BadEvent], late: Iterable[int]) -> None:
    """Have days written again that events came late for.

    Args:
        partition: has folded the events.
        events: as decoded.
        late: indexes of those that are older than `open_since_ms`.
    """
    for at in late:
        event = events[at]
        state = None if isinstance(event, BadEvent) else partition.states.get(event.account_id)
        if state is None or state.closed_day == 0 or not state.needs_evaluation:
            continue  # nothing of it is written yet, or nothing has changed
        day = zone_of(state).day_of(event.timestamp)  # type: ignore[union-attr, arg-type]
        if day <= state.closed_day and (state.reopened_day == 0 or day < state.reopened_day):
            state.reopened_day = day
