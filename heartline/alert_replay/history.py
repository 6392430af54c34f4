"""What history would have raised: files of events through the worker's fold, the rules and the page budget.

No Kafka, no Redis, no wall clock. Accounts do not touch each other, so each is lived from its first event to the last
day of all, by as many processes as there are cores. Its days close and turn as with the live worker: it is evaluated
when a day of its own begins, with `every="hour"` also at the end of each hour in which it sent something, and in
between whenever time alone makes something due, as live alerting does.

What depends on when people read (silences, quiet hours) or on other accounts (pipeline incidents) is not replayed.
"""

import multiprocessing
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Final, Literal, NamedTuple, TypeVar

from alerts.account_facts import AccountFacts
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.evaluation import AccountEvaluation, evaluate_rules, next_due
from alerts.model import AccountRecord, Channel, Severity
from alerts.red_flag import Transition
from heartline.snapshot import Progress, scorecards_of
from stream.config.settings import Settings
from stream.contracts.events import InputEvent
from stream.contracts.report import Freshness, HealthReport
from stream.history.daily import close_score
from stream.kinds.decode import FAST_FORMS
from stream.kinds.folding import fold_event
from stream.kinds.kind import Source
from stream.kinds.registry import KINDS
from stream.kinds.state import AccountState, newest_ms, zone_of
from stream.measures.product import product_config_from
from stream.scoring.band_history import band_of, moment, published_report
from stream.scoring.band_history import history as closing_scores
from stream.scoring.evaluation import evaluate, profile_of
from stream.scoring.scorecard import Scorecard
from stream.scoring.scorecard_selection import scorecard_for

Every = Literal["hour", "day"]
# What happens at a moment: a look at the end of a busy hour or of a day, or when a day begins; close: a day ends, and
# its score is noted, but nobody is alerted before the next one begins.
Look = Literal["hour", "day", "close", "turn"]
Event = Literal["firing", "worse", "resolved", "opened", "updated", "closed", "page", "reminder"]

T = TypeVar("T")
Lives = dict[str, list[tuple[int, InputEvent]]]

HOUR_MS: Final = 3_600_000
ACCOUNTS_A_SHARE: Final = 4  # of a process at a time: few, so that the bar moves

# What a decoded event is, to the source that told it.
_SOURCE_OF: Final[dict[type, Source]] = {
    form: kind.source
    for name, kind in KINDS.items()
    for form in (kind.contract, FAST_FORMS[name])
    if form is not None and kind.source is not None
}
_PAGES: Final = frozenset({"opened", "reopened", "updated"})
_REMINDERS: Final = frozenset({"reminded", "escalated"})
_FLAGS: Final[dict[str, Event]] = {"opened": "opened", "reopened": "opened", "updated": "updated", "resolved": "closed"}


class Row(NamedTuple):
    """One thing that happened, as the CSV has it.

    Attributes:
        event: of a signal: firing, worse, resolved; of the account's red flag: opened (for the first time, or again),
            updated (got worse), closed; of what is told at once: page, reminder.
        at: the moment, aware UTC.
        account_id: the account.
        signals: the signal; of a red flag or a page all that fire, those that lead first.
        channel: where it is told: page, digest or log.
        severity: of the signal or red flag.
        score: the account's health then, 0..100; None when unknown.
        reason: why.
    """

    event: Event
    at: datetime
    account_id: str
    signals: str
    channel: Channel
    severity: Severity
    score: float | None
    reason: str


@dataclass
class History:
    """What a replay found.

    Attributes:
        rows: in the order of time.
        account_days: days that accounts were evaluated on, added up.
        days_of: the same by account.
        evaluations: how many were made.
    """

    rows: list[Row] = field(default_factory=list)
    account_days: int = 0
    days_of: dict[str, int] = field(default_factory=dict)
    evaluations: int = 0

    def add(self, other: "History") -> None:
        """Another one's, too."""
        self.rows += other.rows
        self.account_days += other.account_days
        self.days_of |= other.days_of
        self.evaluations += other.evaluations


class AccountReplay:
    """One account's alerting: reports in the order of time, and what time makes due between them.

    Args:
        config: rules and lifecycle.
        context: the settings, and when accounts work.
    """

    def __init__(self, config: AlertingConfig, context: AlertContext) -> None:
        self._config = config
        self._context = context
        self._record: AccountRecord | None = None
        self._report: HealthReport | None = None
        self.rows: list[Row] = []
        self.evaluations = 0

    def take(self, report: HealthReport) -> None:
        """A new report; what became due before it comes first."""
        self.pass_time(report.as_of)
        self._evaluate(report, report.as_of)

    def pass_time(self, until: datetime) -> None:
        """What time alone makes due before a moment."""
        while self._record is not None and self._report is not None and self._record.evaluated_at is not None:
            now = self._record.evaluated_at
            facts, book = AccountFacts(self._report, now), self._config.book
            due = next_due(self._record, self._report, book.of(facts), self._context, now, book.changes_at(facts))
            if due is None or due >= until:
                return
            self._evaluate(self._report, due)

    def _evaluate(self, report: HealthReport, now: datetime) -> None:
        rules = self._config.book.of(AccountFacts(report, now))
        evaluation = evaluate_rules(self._record, report, rules, now, self._context)
        self.evaluations += 1
        self._record, self._report = evaluation.record, report
        self._note(evaluation, report, now)

    def _note(self, evaluation: AccountEvaluation, report: HealthReport, now: datetime) -> None:
        """Add the rows of an evaluation."""
        for step in evaluation.signals:
            signal = step.signal
            if signal is not None and step.change is not None:
                fields = (signal.rule, signal.channel, signal.severity, report.score, step.reason)
                self.rows.append(Row(step.change, now, report.account_id, *fields))
        for transition in evaluation.changes:
            self.rows += _rows_of(transition, report, now)


def _rows_of(transition: Transition, report: HealthReport, now: datetime) -> list[Row]:
    """The rows of one step of a red flag: the step, and what is told of it at once."""
    alert, rows = transition.alert, list[Row]()
    if alert is None:
        return rows
    signals = "+".join(signal.rule for signal in alert.firing) or alert.rule
    fields = (signals, alert.channel, alert.severity, report.score, transition.reason)
    if (event := _FLAGS.get(transition.kind)) is not None:
        rows.append(Row(event, now, alert.account_id, *fields))
    if transition.notification_kind in _PAGES:
        rows.append(Row("page", now, alert.account_id, *fields))
    elif transition.notification_kind in _REMINDERS:
        rows.append(Row("reminder", now, alert.account_id, *fields))
    return rows


class _Worker:
    """What the worker's evaluations share: the scorecards, and which sources there are at all."""

    def __init__(self, settings: Settings, sources: frozenset[Source]) -> None:
        self._freshness: dict[str, Freshness] = dict.fromkeys([*sorted(sources), "accounts"], Freshness())
        self._scorecards = scorecards_of(settings)
        self._core = frozenset(settings.product.core_features)
        self._product = product_config_from(settings)

    def close(self, state: AccountState, at_ms: int) -> None:
        """Note the score at the end of a day, which is all that the worker's last look at the day leaves behind."""
        found = evaluate(state, at_ms, self._scorecard(state, at_ms), self._core, self._product)
        close_score(state.usage.days, found.day, found.score)

    def _scorecard(self, state: AccountState, at_ms: int) -> Scorecard:
        return scorecard_for(self._scorecards, state, at_ms, self._core, self._product)

    def report(self, account_id: str, state: AccountState, at_ms: int) -> HealthReport:
        """What alerting reads of the report of a moment; the state closes its day and remembers, as the worker's does.

        The words of a report, and its comparisons with earlier weeks, are most of its cost, and nobody reads them here.
        """
        scorecard = self._scorecard(state, at_ms)
        found = evaluate(state, at_ms, scorecard, self._core, self._product)
        close_score(state.usage.days, found.day, found.score)
        model_band = band_of(state.published, found.result.score, found.day, scorecard)
        newest = newest_ms(state)
        report = HealthReport(
            account_id=account_id,
            as_of=moment(at_ms),
            score=found.score,
            band=found.band,
            coverage_ratio=found.coverage_ratio,
            scorecard=found.scorecard,
            score_7d_ago=found.closings[0],
            history=closing_scores(state, found.day, found.score),
            measures=found.complete(),
            profile=profile_of(state),
            last_event_at=moment(newest) if newest is not None else None,
            reason="",
            contributions=[],
            changes_7d=[],
            freshness=self._freshness,
            model_band=model_band if found.override is not None else None,
        )
        state.published = published_report(state.published, report, at_ms, "", found.override, found.closings)
        return report


def replay_alerts(
    events: Sequence[tuple[int, InputEvent]],
    settings: Settings,
    config: AlertingConfig,
    every: Every = "day",
    progress: Progress | None = None,
    processes: int | None = None,
    until_ms: Mapping[str, int] | None = None,
) -> History:
    """The alerts that events would have raised.

    Args:
        events: with their times in epoch ms, in the order of time, as `snapshot.read_events` gives them.
        settings: the product's catalogue and the scorecards.
        config: the rules and how their alerts live.
        every: how often an account is evaluated.
        progress: called as the work goes on.
        processes: how many at most; None: one a core.
        until_ms: by account, when it was observed last, epoch milliseconds; without it to the last day of all.

    Raises:
        ConfigError: the scorecards that the settings name are wrong.
    """
    scorecards_of(settings)  # what is wrong with them is told here, and not by another process
    lives: dict[str, list[tuple[int, InputEvent]]] = defaultdict(list)
    for ms, event in events:
        lives[event.account_id].append((ms, event))
    last_ms = max((life[-1][0] for life in lives.values()), default=0)
    forms = {type(event) for _, event in events}
    sources = frozenset(source for form, source in _SOURCE_OF.items() if form in forms)
    live = partial(
        _live_all,
        last_ms=last_ms,
        settings=settings,
        config=config,
        every=every,
        until_ms=until_ms or {},
        sources=sources,
    )
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


def _live_all(
    lives: Lives,
    *,
    last_ms: int,
    settings: Settings,
    config: AlertingConfig,
    every: Every,
    until_ms: Mapping[str, int],
    sources: frozenset[Source],
) -> History:
    """Some accounts' lives."""
    history, worker = History(), _Worker(settings, sources)
    context = AlertContext(config.lifecycle, calendars=settings.calendar.calendars())
    for account_id, events in lives.items():
        end_ms = min(last_ms, until_ms.get(account_id, last_ms))
        _live(account_id, events, end_ms, worker, AccountReplay(config, context), every, history)
    return history


def _live(
    account_id: str,
    events: list[tuple[int, InputEvent]],
    last_ms: int,
    worker: _Worker,
    replay: AccountReplay,
    every: Every,
    history: History,
) -> None:
    """One account's life, its rows added to the history."""
    state = AccountState()
    at = days = 0
    for moment_ms, look in _moments(events, state, last_ms, every):
        while at < len(events) and events[at][0] <= moment_ms:
            fold_event(state, events[at][1])
            at += 1
        days += look in ("day", "close")
        if look == "close":
            worker.close(state, moment_ms)
        else:
            replay.take(worker.report(account_id, state, moment_ms))
    replay.pass_time(datetime.fromtimestamp(last_ms / 1000, UTC))
    history.rows += replay.rows
    history.evaluations += replay.evaluations
    history.account_days += days
    history.days_of[account_id] = days


def _moments(
    events: list[tuple[int, InputEvent]], state: AccountState, last_ms: int, every: Every
) -> Iterator[tuple[int, Look]]:
    """(epoch ms, what is looked at), ascending, to the end of the last day of all.

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
            yield hours[at], "hour"
            at += 1
        at += at < len(hours) and hours[at] == end_ms
        if end_ms >= last_ms:
            yield end_ms, "day"
            return
        yield end_ms, "close" if every == "day" else "day"
        yield end_ms + 1, "turn"
        day += 1
