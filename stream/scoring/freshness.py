"""How recent what each source told is: of one account, and of all accounts of a worker.

A quiet account is a signal; a source that is quiet for everyone is a broken pipeline. The first is what measures of
silence are for; the second shows in `Freshness.is_stale` and in the worker's newest event time by topic.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from stream.contracts.report import Freshness
from stream.contracts.topics import SOURCES, Kind, Source
from stream.history.rolling import DAY_MS
from stream.kinds.state import AccountState


def newest_by_kind(state: AccountState) -> dict[Kind, int]:
    """When the newest event of each kind happened, epoch milliseconds; without kinds that never told anything."""
    newest: dict[Kind, int] = {}
    if state.usage.newest_ms is not None:
        newest["usage"] = state.usage.newest_ms
    if state.ticket.newest_ms > 0:
        newest["ticket"] = state.ticket.newest_ms
    if state.survey.newest_ms > 0:
        newest["survey"] = state.survey.newest_ms
    if state.touchpoint.newest_ms > 0:
        newest["touchpoint"] = state.touchpoint.newest_ms
    if state.outcome.newest_ms > 0:
        newest["outcome"] = state.outcome.newest_ms
    if state.subscription.newest_ms > 0:
        newest["subscription"] = state.subscription.newest_ms
    return newest


def freshness_of(
    newest: Mapping[Kind, int], now_ms: int, newest_of_all: Mapping[Kind, int], stale_after_days: Mapping[Source, float]
) -> dict[str, Freshness]:
    """How recent each source is, for the sources that ever told anything of the account.

    Args:
        newest: the newest event of each kind, of the account.
        now_ms: the moment, epoch milliseconds.
        newest_of_all: the newest event of each kind, of any account.
        stale_after_days: after how long without an event of any account a source is stale; sources that are not named
            never are, since no ticket may well mean no trouble.
    """
    found: dict[str, Freshness] = {}
    for kind, ms in newest.items():
        source = SOURCES[kind]
        limit_days = stale_after_days.get(source)
        quiet_days = (now_ms - max(newest_of_all.get(kind, ms), ms)) / DAY_MS
        found[source] = Freshness(
            datetime.fromtimestamp(ms / 1000, UTC),
            round(max(now_ms - ms, 0) / DAY_MS, 2),
            limit_days is not None and quiet_days > limit_days,
        )
    return found
