"""The worker's work on one partition: chunks into the accounts (`ingest`), then evaluate what changed, and publish.

This is the product as the engine sees it (`engine.processor.Processor`): synchronous and pure but for the clock that it
is given. Bad input becomes a dead letter among the outputs; it never raises.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from stream.calendar.clock import Clock, EventClock, TrustedClock, WallClock
from stream.calendar.day import DAY_MS
from stream.calendar.zones import QUARTER_MS, zone
from stream.config.settings import Settings
from stream.config.topic_decoders import topic_decoders
from stream.contracts.aliases import encode_waiting
from stream.contracts.quarantine import encode_entry
from stream.contracts.report import encode_report
from stream.engine.partition import Output
from stream.engine.processor import Record
from stream.history.daily import close_score
from stream.kinds.decode import Decoder
from stream.kinds.erasure import forget_old_erasures, is_nothing
from stream.kinds.state import AccountState, newest_by_kind, newest_ms, zone_of
from stream.kinds.usage import note_look
from stream.measures.product import product_config_from
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.scoring.band_history import published_report
from stream.scoring.evaluation import build_report, evaluate
from stream.scoring.facts import facts_of
from stream.scoring.freshness import freshness_of
from stream.scoring.publish_policy import (
    facts_changed,
    facts_due,
    of_later_day,
    profile_digest,
    rests_today,
    should_publish,
)
from stream.scoring.scorecard import Scorecards
from stream.scoring.scorecard_selection import scorecard_for
from stream.scoring.scorecard_yaml import read_scorecards
from stream.scoring.shipped import SHIPPED
from stream.topics import KINDS, STALE_AFTER_DAYS, Kind, Source, Topics
from stream.worker.account_partition import UNKNOWN_MS, AccountPartition
from stream.worker.day_closing import DayClosing, begin_day
from stream.worker.ingest import Ingest

ACCOUNTS_A_SLICE: Final = 20  # about 2 ms of evaluation between two breaths of the event loop
SCHEDULED_A_SLICE: Final = 6  # of a scan, while accounts that moved wait too
EXAMINED_A_SLICE: Final = 500  # of a scan: most of them may be long silent, and cold, which costs their decoding
# After this long without any event only the best half-year moves, which fades from day to day: between two days of its
# own there is nothing to see of an account.
LONG_SILENT_MS: Final = 400 * DAY_MS


class HealthProcessor:
    """Folds the input topics into account states and evaluates them.

    Args:
        topics: the names of the topics.
        clock: which now to evaluate by.
        decoders: by topic.
        scorecards: what counts, for whom.
        core_features: the product's catalogue.
        scan_interval_ms: how often accounts that send nothing are evaluated again; a new day of theirs always does.
        product: the product's key actions and milestones, and its customers' calendars.
        stale_after_days: by source, when it is stale that nobody sends.
        wall: by which events from the future are refused; None: the wall's.
        tools: ids that begin with one of these and a colon are never an account's own.

    Attributes:
        counts: (what, label) to how often, for the metrics: ("dead_letter", reason), ("late", kind), ("overflow",
            kind), ("erased", kind), ("repartitioned", kind), ("repeated", kind), ("unknown_account", kind),
            ("waiting_alias", kind), ("aliased", kind).
    """

    def __init__(
        self,
        topics: Topics,
        clock: Clock,
        decoders: Mapping[str, Decoder] | None = None,
        scorecards: Scorecards = SHIPPED,
        core_features: frozenset[str] = frozenset(),
        scan_interval_ms: int = 3_600_000,
        product: ProductConfig = NO_PRODUCT_CONFIG,
        stale_after_days: dict[Source, float] = STALE_AFTER_DAYS,
        wall: Clock | None = None,
        tools: frozenset[str] = frozenset(),
    ) -> None:
        self._topic_of = {kind: topics.input(kind) for kind in KINDS}
        self._health_topic = topics.health
        self._quarantine_topic = topics.quarantine
        self._waiting_topic = topics.waiting_aliases
        self._changelog = topics.changelog
        self._clock = clock
        self._scorecards = scorecards
        self._core_features = core_features
        self._product = product
        self._scan_interval_ms = scan_interval_ms
        self._stale_after_days = stale_after_days
        self.counts: Counter[tuple[str, str]] = Counter()
        if decoders is None:
            decoders = {topic: Decoder(kind) for topic, kind in topics.inputs.items()}
        self._wall = WallClock() if wall is None else wall
        self._days = DayClosing(topics.account_days, scorecards, core_features, product)
        self._ingest = Ingest(topics, decoders, self.counts, self._wall, tools)

    def new_partition(self, number: int, count: int) -> AccountPartition:
        """An empty partition."""
        return AccountPartition(number, count, changelog=self._changelog)

    def fold(self, partition: AccountPartition, topic: str, records: Sequence[Record]) -> None:
        """Fold one chunk; see `Ingest`."""
        self._ingest.fold(partition, topic, records)

    # Evaluation

    def evaluate(self, partition: AccountPartition) -> Iterator[None]:
        """Evaluate the pending accounts, and on a scan all that can still change, side by side; yields after a slice.

        Nothing is evaluated while a backlog is folded: the shorter topics are done first, and an account whose usage is
        still unread would look silent.
        """
        self._report_quarantine(partition)
        self._report_waiting(partition)
        now_ms = self._clock.now_ms(partition.event_time_ms())
        if now_ms is None or partition.catching_up:
            return
        self._begin_scan(partition, now_ms)
        while partition.pending or partition.scheduled:
            moved = self._evaluate_pending(partition, now_ms)
            self._evaluate_scheduled(partition, now_ms, SCHEDULED_A_SLICE if moved else ACCOUNTS_A_SLICE)
            self._report_quarantine(partition)
            yield

    def _report_quarantine(self, partition: AccountPartition) -> None:
        """Publish which accounts came into quarantine, and which left."""
        now_ms = self._wall.now_ms(None) or 0
        for account_id, failure in partition.quarantined.take_unreported().items():
            value = None if failure is None else encode_entry(failure.entry(account_id, now_ms))
            partition.outputs.append(Output(self._quarantine_topic, account_id.encode(), value))

    def _report_waiting(self, partition: AccountPartition) -> None:
        """Publish which aliases wait for their accounts, and which don't any more."""
        for alias, entry in partition.waiting_aliases.take_unreported().items():
            value = None if entry is None else encode_waiting(entry)
            partition.outputs.append(Output(self._waiting_topic, alias.encode(), value))

    def _begin_scan(self, partition: AccountPartition, now_ms: int) -> None:
        """An interval after the last scan began every account is scheduled, and in between those whose own day turns.

        Days begin at quarters of an hour, wherever an account is. A scan that takes longer than that is finished first.
        """
        last_scan_ms, last_midnight_scan_ms = partition.last_scan_ms, partition.last_midnight_scan_ms
        if partition.scheduled:
            return
        previous_scan_ms = last_midnight_scan_ms
        if last_midnight_scan_ms is None:
            partition.open_since_ms = UNKNOWN_MS
        elif partition.open_since_ms == UNKNOWN_MS or now_ms // QUARTER_MS > last_midnight_scan_ms // QUARTER_MS:
            begin_day(partition, now_ms)
        if (
            last_scan_ms is None
            or last_midnight_scan_ms is None
            or now_ms - last_scan_ms >= self._scan_interval_ms
            or now_ms < last_scan_ms - TrustedClock.STEP_MAX_MS  # the clock was ahead, and was put right
        ):
            partition.last_scan_ms = partition.last_midnight_scan_ms = now_ms
            waiting = {account_id for account_id, _ in partition.pending}
            partition.scheduled = [each for each in (*partition.states, *partition.cold) if each not in waiting]
            partition.pending_at_scan = waiting
            partition.previous_scan_ms = previous_scan_ms
        elif now_ms // QUARTER_MS > last_midnight_scan_ms // QUARTER_MS:
            partition.last_midnight_scan_ms = now_ms
            partition.scheduled = _accounts_past_midnight(partition, last_midnight_scan_ms, now_ms)
            partition.previous_scan_ms = previous_scan_ms
        partition.scheduled.reverse()  # the last one is next, and a disk is read forwards

    def _evaluate_pending(self, partition: AccountPartition, now_ms: int) -> bool:
        """Evaluate a slice of the accounts that moved, as they are waiting; returns whether there was any."""
        count = min(len(partition.pending), ACCOUNTS_A_SLICE)
        for _ in range(count):
            account_id, ingested_ms = partition.pending.popleft()
            try:
                state = partition.state(account_id)
                if state is not None and state.quarantined:
                    partition.quarantined.remember(account_id)
                elif state is not None and state.needs_evaluation:  # else it was on both priorities
                    self._evaluate_one(partition, account_id, state, now_ms, ingested_ms)
            except Exception as error:
                self._quarantine(partition, account_id, error)
        return count > 0

    def _evaluate_scheduled(self, partition: AccountPartition, now_ms: int, count: int) -> None:
        """Evaluate a slice of the running scan; not who is gone, pending, or seen today and not moved by time alone."""
        scheduled = partition.scheduled
        for _ in range(min(len(scheduled), EXAMINED_A_SLICE)):
            account_id = scheduled.pop()
            try:
                state = partition.peek(account_id)
                if state is None or state.needs_evaluation:
                    continue
                if state.alias is not None:
                    partition.waiting_aliases.note(account_id, state.alias, is_news=False)
                    continue
                if state.erasures and self._is_erased(partition, account_id, state, now_ms):
                    continue
                if _was_seen_today(partition, account_id, now_ms) and (
                    _is_long_silent(state, now_ms) or self._rests(partition, account_id, state, now_ms)
                ):
                    continue
                if account_id in partition.cold:
                    partition.promote(account_id, state)
                self._evaluate_one(partition, account_id, state, now_ms, None)
            except Exception as error:
                self._quarantine(partition, account_id, error)
            count -= 1
            if count == 0:
                return

    def _rests(self, partition: AccountPartition, account_id: str, state: AccountState, now_ms: int) -> bool:
        """Whether an account that was seen today would be found as it was, by score and by what readers rest on."""
        return (
            state.published is not None
            and state.reopened_day == 0
            and account_id not in partition.moved
            and rests_today(state, now_ms, self._product)
        )

    def _is_erased(self, partition: AccountPartition, account_id: str, state: AccountState, now_ms: int) -> bool:
        """Whether nothing is left of an account to evaluate. Erasures that are old are forgotten, and with them it."""
        if forget_old_erasures(state, now_ms):
            if account_id in partition.cold:
                partition.promote(account_id, state)
            partition.dirty.add(account_id)
            if not state.erasures and newest_ms(state) is None and not state.profile and state.published is None:
                partition.forget(account_id)
                return True
        return is_nothing(state)

    def _quarantine(self, partition: AccountPartition, account_id: str, error: Exception) -> None:
        """An account's state could not be read, or its score not be computed: leave it alone.

        Raises:
            Exception: the error, where the account is not at fault for it.
        """
        if account_id not in partition.states:
            partition.quarantine(account_id, "decode", error)
            return
        partition.quarantine(account_id, "evaluate", error)
        partition.dirty.add(account_id)

    def _evaluate_one(
        self,
        partition: AccountPartition,
        account_id: str,
        state: AccountState,
        now_ms: int,
        ingested: int | None,
    ) -> None:
        """Evaluate one account; publish if it is news.

        Score and band come first, at a fraction of a report's cost: on most scans they are as they were published.
        """
        scorecard = scorecard_for(self._scorecards, state, now_ms, self._core_features, self._product)
        found = evaluate(state, now_ms, scorecard, self._core_features, self._product)
        before, moved = state.published, state.needs_evaluation
        if moved:
            state.needs_evaluation = False
            partition.dirty.add(account_id)
        newest = newest_by_kind(state)
        self._note(partition, account_id, state, newest)
        is_scan = not moved or account_id in partition.pending_at_scan
        partition.pending_at_scan.discard(account_id)
        due = facts_due(state, found.day, now_ms, self._product, is_scan, moved or account_id in partition.moved)
        if state.closed_day < found.day - 1 or (ingested is None and state.reopened_day):
            self._days.close(partition, account_id, state, found.day)
        note_look(state.usage, found.day)
        if close_score(state.usage.days, found.day, found.score):
            partition.dirty.add(account_id)
        # Without an event since the last evaluation, and within a day, the profile is as it was.
        renews = moved or before is None or due == "day"
        digest = profile_digest(found) if renews or before is None else before.digest
        if (
            before is None
            or should_publish(before, found, digest)
            or (moved and of_later_day(before, state))
            or (due is not None and facts_changed(before, found, due, state.usage.days))
        ):
            fresh = freshness_of(newest, now_ms, self._ingest.newest_ms, self._stale_after_days)
            report = build_report(
                account_id, state, now_ms, scorecard, self._core_features, ingested, self._product, found, fresh
            )
            partition.outputs.append(Output(self._health_topic, account_id.encode(), encode_report(report)))
            facts = found.facts or facts_of(report.measures, report.score)
            state.published = published_report(before, report, now_ms, digest, found.override, found.closings, facts)
            partition.dirty.add(account_id)
            partition.moved.discard(account_id)
        elif is_scan:
            partition.moved.discard(account_id)
        else:
            partition.moved.add(account_id)  # what readers rest on is compared with the next scan

    def _note(self, partition: AccountPartition, account_id: str, state: AccountState, newest: dict[Kind, int]) -> None:
        """Keep what is asked of many accounts at once: where they are, and how recent their sources are."""
        name = zone_of(state).name
        if name != "UTC":
            partition.zones[account_id] = name
        else:
            partition.zones.pop(account_id, None)
        for kind, ms in newest.items():
            topic = self._topic_of[kind]
            if ms > partition.newest_ms.get(topic, 0):
                partition.newest_ms[topic] = ms
            if ms > self._ingest.newest_ms.get(kind, 0):
                self._ingest.newest_ms[kind] = ms


def _accounts_past_midnight(partition: AccountPartition, since_ms: int, until_ms: int) -> list[str]:
    """The accounts where a new day began; asked of an index, since most accounts may be encoded."""
    zones = partition.zones
    turned = {name for name in {"UTC", *zones.values()} if zone(name).day_of(until_ms) > zone(name).day_of(since_ms)}
    found = [account_id for account_id, name in zones.items() if name in turned]
    if "UTC" in turned:
        found += [account_id for account_id in (*partition.states, *partition.cold) if account_id not in zones]
    return found


def _was_seen_today(partition: AccountPartition, account_id: str, now_ms: int) -> bool:
    """Whether the scan before the running one began on the account's same day."""
    before_ms = partition.previous_scan_ms
    where = zone(partition.zones.get(account_id, "UTC"))
    return before_ms is not None and where.day_of(before_ms) == where.day_of(now_ms)


def _is_long_silent(state: AccountState, now_ms: int) -> bool:
    """Whether it was evaluated, and within a day time alone moves nothing: silent for so long, or never heard."""
    if state.published is None or state.published.override is not None:
        return False  # an override expires
    newest = newest_ms(state)
    return newest is None or newest + LONG_SILENT_MS < now_ms


def make_processor(settings: Settings, clock: Clock | None = None) -> HealthProcessor:
    """The processor as the settings describe it.

    Raises:
        ConfigError: the scorecards that the settings name are wrong.
    """
    if clock is None:
        clock = EventClock() if settings.worker.clock == "event" else TrustedClock()
    return HealthProcessor(
        settings.kafka.topics,
        clock,
        topic_decoders(settings),
        SHIPPED if settings.scorecards is None else read_scorecards(settings.scorecards),
        core_features=frozenset(settings.product.core_features),
        scan_interval_ms=round(settings.worker.scan_interval_seconds * 1000),
        product=product_config_from(settings),
        stale_after_days=dict(settings.worker.stale_after_days),
        wall=clock if isinstance(clock, TrustedClock) else None,
        tools=frozenset(settings.aliases.tools),
    )
