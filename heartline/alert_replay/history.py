"""The alerts that history would have raised: files of events through the worker's fold, the rules and the lifecycle.

No Kafka, no Redis, no wall clock: `now` is the moment of each judgement. Accounts do not touch each other, so each is
lived from its first event to the last day of all, by as many processes as there are cores. It is judged at the end of
each of its days, as the live worker does when a day turns; with `every="hour"` also at the end of each hour in which it
sent something, so that nothing is said more than an hour after the worker would have said it.

What depends on the moment people read (silences, quiet hours) or on other accounts (doubt in the data) is not replayed.
"""

import multiprocessing
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final, Literal, NamedTuple, TypeVar

from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.evaluation import evaluate_rules
from alerts.model import AccountRecord, Severity
from heartline.snapshot import Progress, scorecards_of
from stream.config.settings import Settings
from stream.contracts.events import InputEvent
from stream.contracts.report import HealthReport
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState, newest_ms, zone_of
from stream.measures.product import product_config_from
from stream.scoring.band_history import published_report
from stream.scoring.evaluation import build_report
from stream.scoring.scorecard_selection import scorecard_for
from stream.worker.health_processor import SETTLED_MS

Every = Literal["hour", "day"]
Event = Literal["opened", "updated", "resolved"]

T = TypeVar("T")
Lives = dict[str, list[tuple[int, InputEvent]]]

HOUR_MS: Final = 3_600_000
ACCOUNTS_A_SHARE: Final = 10  # of a process at a time: few, so that the bar moves

# What the lifecycle calls a step, as the columns call it; a step that is none of these is no row.
_EVENTS: Final[dict[str, Event]] = {
    "opened": "opened",
    "reopened": "opened",
    "updated": "updated",
    "resolved": "resolved",
}


class Row(NamedTuple):
    """One step of one alert, as the CSV has it.

    Attributes:
        event: opened (for the first time, or again), updated (got worse) or resolved.
        at: the moment of the judgement, aware UTC.
        account_id, rule, severity: whose alert.
        score: the account's health then, 0..100; None when unknown.
        reason: why.
    """

    event: Event
    at: datetime
    account_id: str
    rule: str
    severity: Severity
    score: float | None
    reason: str


@dataclass
class History:
    """What a replay found.

    Attributes:
        rows: in the order of time.
        account_days: days that accounts were judged on, added up.
        evaluations: how many were made.
    """

    rows: list[Row] = field(default_factory=list)
    account_days: int = 0
    evaluations: int = 0

    def add(self, other: "History") -> None:
        """Another one's, too."""
        self.rows += other.rows
        self.account_days += other.account_days
        self.evaluations += other.evaluations


class _Judge:
    """Everything that the judgements of a replay share."""

    def __init__(self, settings: Settings, config: AlertingConfig) -> None:
        self._scorecards = scorecards_of(settings)
        self._core = frozenset(settings.product.core_features)
        self._product = product_config_from(settings)
        self._config = config
        self._context = AlertContext(config.lifecycle)

    def report(self, account_id: str, state: AccountState, at_ms: int) -> HealthReport:
        """The report of a moment; the state remembers what it said, as the worker's does."""
        scorecard = scorecard_for(self._scorecards, state, at_ms, self._core, self._product)
        report = build_report(account_id, state, at_ms, scorecard, self._core, None, self._product)
        state.published = published_report(state.published, report, at_ms, "")
        return report

    def steps(self, record: AccountRecord | None, report: HealthReport) -> tuple[AccountRecord | None, list[Row]]:
        """What the rules make of a report."""
        evaluation = evaluate_rules(
            record, report, self._config.book.choose(report.profile), report.as_of, self._context
        )
        rows = []
        for step in evaluation.changes:
            event = _EVENTS.get(step.kind)
            if event is not None and step.alert is not None:
                alert = step.alert
                rows.append(
                    Row(event, report.as_of, report.account_id, alert.rule, alert.severity, report.score, step.reason)
                )
        return evaluation.record, rows


def replay_alerts(
    events: Sequence[tuple[int, InputEvent]],
    settings: Settings,
    config: AlertingConfig,
    every: Every = "day",
    progress: Progress | None = None,
    processes: int | None = None,
) -> History:
    """The alerts that events would have raised.

    Args:
        events: with their times in epoch ms, in the order of time, as `snapshot.read_events` gives them.
        settings: the product's catalogue and the scorecards.
        config: the rules and how their alerts live.
        every: how often an account is judged.
        progress: called as the work goes on.
        processes: how many at most; None: one a core.

    Raises:
        ConfigError: the scorecards that the settings name are wrong.
    """
    scorecards_of(settings)  # what is wrong with them is told here, and not by another process
    lives: dict[str, list[tuple[int, InputEvent]]] = defaultdict(list)
    for ms, event in events:
        lives[event.account_id].append((ms, event))
    last_ms = max((life[-1][0] for life in lives.values()), default=0)
    live = partial(_live_all, last_ms=last_ms, settings=settings, config=config, every=every)
    shares = [dict(share) for share in batched(lives.items(), ACCOUNTS_A_SHARE)]
    history, done = History(), 0
    for lived, accounts in _each(live, shares, processes or os.cpu_count() or 1):
        history.add(lived)
        done += accounts
        if progress is not None:
            progress(done, len(lives), "accounts")
    history.rows.sort(key=lambda row: (row.at, row.account_id))
    return history


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of a size, the last one shorter.

    >>> list(batched([1, 2, 3], 2))
    [[1, 2], [3]]
    """
    iterator = iter(items)
    while share := list(islice(iterator, size)):
        yield share


def _each(live: Callable[[Lives], History], shares: list[Lives], processes: int) -> Iterator[tuple[History, int]]:
    """What became of each share, and how many accounts that were; in processes of their own where it is worth it."""
    if processes == 1 or len(shares) == 1:
        for share in shares:
            yield live(share), len(share)
        return
    with ProcessPoolExecutor(min(processes, len(shares)), multiprocessing.get_context("spawn")) as pool:
        for lived, share in zip(pool.map(live, shares), shares, strict=True):
            yield lived, len(share)


def _live_all(lives: Lives, *, last_ms: int, settings: Settings, config: AlertingConfig, every: Every) -> History:
    """Some accounts' lives."""
    history, judge_of = History(), _Judge(settings, config)
    for account_id, events in lives.items():
        _live(account_id, events, last_ms, judge_of, every, history)
    return history


def _live(
    account_id: str,
    events: list[tuple[int, InputEvent]],
    last_ms: int,
    judge_of: _Judge,
    every: Every,
    history: History,
) -> None:
    """One account's life, its steps added to the history."""
    state = AccountState()
    record: AccountRecord | None = None
    at = 0
    for moment_ms, ends_day in _moments(events, state, last_ms, every):
        while at < len(events) and events[at][0] <= moment_ms:
            fold_event(state, events[at][1])
            at += 1
        newest = newest_ms(state)
        if newest is None:
            continue
        if newest + SETTLED_MS < moment_ms:
            continue  # time alone moves nothing any more; the worker leaves it alone, too
        history.account_days += ends_day
        report = judge_of.report(account_id, state, moment_ms)
        record, rows = judge_of.steps(record, report)
        history.rows += rows
        history.evaluations += 1


def _moments(
    events: list[tuple[int, InputEvent]], state: AccountState, last_ms: int, every: Every
) -> Iterator[tuple[int, bool]]:
    """(epoch ms, whether a day of the account ends then), ascending, to the end of the last day of all.

    The account's time zone is asked for each day, since an event may tell it.
    """
    first_ms = next((ms for ms, _ in events if ms > 0), None)
    if first_ms is None:
        return
    hours = sorted({ms // HOUR_MS * HOUR_MS + HOUR_MS - 1 for ms, _ in events if ms > 0}) if every == "hour" else []
    at = 0
    day = zone_of(state).day_of(first_ms)
    while True:
        end_ms = zone_of(state).end_of_day_ms(day)
        while at < len(hours) and hours[at] < end_ms:
            yield hours[at], False
            at += 1
        yield end_ms, True
        if end_ms >= last_ms:
            return
        day += 1
