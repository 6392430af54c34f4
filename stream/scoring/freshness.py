"""How recent what each source told is: of one account, and of all accounts of a worker.

A quiet account is a signal; a source that is quiet for everyone is a broken pipeline. The first is what measures of
silence are for; the second shows in `Freshness.is_stale` and in the worker's newest event time by topic.
"""

from collections.abc import Mapping

from stream.calendar.day import DAY_MS
from stream.contracts.report import Freshness
from stream.scoring.band_history import moment
from stream.topics import SOURCES, Kind, Source


def freshness_of(
    newest: Mapping[Kind, int], now_ms: int, newest_of_all: Mapping[Kind, int], stale_after_days: Mapping[Source, float]
) -> dict[str, Freshness]:
    """How recent each source is, for the sources that ever told anything of the account, and for usage of others.

    So a reader can tell who was never used where others are from who is never told of.

    Args:
        newest: the newest event of each kind, of the account.
        now_ms: the moment, epoch milliseconds.
        newest_of_all: the newest event of each kind, of any account.
        stale_after_days: after how long without an event of any account a source is stale; sources that are not named
            never are, since no ticket may well mean no trouble.
    """

    def is_stale(kind: Kind, ms: int) -> bool:
        limit_days = stale_after_days.get(SOURCES[kind])
        return limit_days is not None and (now_ms - max(newest_of_all.get(kind, ms), ms)) / DAY_MS > limit_days

    found: dict[str, Freshness] = {
        SOURCES[kind]: Freshness(moment(ms), round(max(now_ms - ms, 0) / DAY_MS, 2), is_stale(kind, ms))
        for kind, ms in newest.items()
    }
    if "usage" not in newest and "usage" in newest_of_all:
        found[SOURCES["usage"]] = Freshness(is_stale=is_stale("usage", newest_of_all["usage"]))
    return found
