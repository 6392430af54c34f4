"""Writes each owner's daily digest at their hour: what changed, as it stands now, into the outbox.

Whoever of several processes is first writes it: the items, the hour and the outbox's entries change in one transaction
under a watched key. What waits in the outbox names the changes alone. Words and numbers are read from what is
remembered when the digest leaves, so that nothing in it is old, and nothing of an account that was erased meanwhile.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import redis

from alerts.account_facts import AccountFacts
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.daily_digest import DigestItem, entries_of
from alerts.evaluation import evaluate_rules
from alerts.messages.daily_digest import daily_digest_notification, waiting_digest
from alerts.model import AccountRecord
from alerts.notification import AlertNotification
from consumers.alerting.digest_queue import NO_OWNER, DigestQueue
from consumers.alerting.outbox import Outbox, OutboxEntry
from consumers.alerting.recipients import Recipients
from consumers.alerting.state import StateStore
from stream.config.logs import get_logger
from stream.contracts.report import HealthReport

log = get_logger(__name__)


class DailyDigests:
    """The digests of an installation.

    Args:
        client: from `consumers.alerting.state.connect`.
        queue: what is to be told.
        store: what is remembered of the accounts.
        outbox: where digests go.
        recipients: who is told.
        config: the rules, and how long a digest may be.
        on_written: called for each digest that is written.
    """

    def __init__(
        self,
        client: redis.Redis,
        queue: DigestQueue,
        store: StateStore,
        outbox: Outbox,
        recipients: Recipients,
        config: AlertingConfig,
        on_written: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._queue = queue
        self._store = store
        self._outbox = outbox
        self._recipients = recipients
        self._config = config
        self._on_written = on_written

    def write_due(self, now: datetime, now_ms: int, context: AlertContext) -> None:
        """Write every digest that is due.

        Args:
            now: the moment, which on the event clock is the reports'.
            now_ms: the wall clock, epoch milliseconds.
            context: calendars.
        """
        for owner, due_ms in self._queue.due(int(now.timestamp() * 1000)):
            self._write(owner, datetime.fromtimestamp(due_ms / 1000, UTC), now, now_ms, context)

    def _write(self, owner: str, due: datetime, now: datetime, now_ms: int, context: AlertContext) -> None:
        """One owner's digest, named by the hour that it was due at; items of later wait for the next one."""
        pipe: Any
        with self._client.pipeline(transaction=True) as pipe:
            try:
                pipe.watch(self._queue.items_key(owner))
                items = self._queue.items(pipe, owner)
                included, left = [item for item in items if item.at < due], [item for item in items if item.at >= due]
                entries = self._entries(owner, included, due, now, now_ms, context)
                pipe.multi()
                self._queue.keep_only(pipe, owner, left)
                for entry in entries:
                    self._outbox.add(pipe, entry)
                pipe.execute()
            except redis.WatchError:
                return  # another process, or a batch: the next tick looks again
        if entries:
            self._on_written()
            log.info("daily digest written", owner=owner or None, items=len(included), receivers=len(entries))

    def _entries(
        self, owner: str, items: list[DigestItem], due: datetime, now: datetime, now_ms: int, context: AlertContext
    ) -> list[OutboxEntry]:
        """The outbox's entries of one digest; none where nothing of it holds any more.

        It speaks of now, also where it is late; on the event clock its reports may be of a little later.
        """
        whose = None if owner == NO_OWNER else owner
        notification = compose_digest(self._store, self._config, whose, items, due, now, context)
        if notification is None:
            return []
        waiting = waiting_digest(notification, items)
        return [
            OutboxEntry(id=notification.id, receiver=name, notification=waiting, after=None, created_ms=now_ms)
            for name in self._recipients.of(notification)
        ]


def compose_digest(
    store: StateStore,
    config: AlertingConfig,
    owner: str | None,
    items: Sequence[DigestItem],
    due: datetime,
    now: datetime,
    context: AlertContext,
) -> AlertNotification | None:
    """A digest as it is true at a moment; None where nothing of it holds any more.

    Args:
        store: what is remembered of the accounts.
        config: the rules and plays, and how long a digest may be.
        owner: whose; None: of the accounts without an owner.
        items: the changes that it tells.
        due: the hour that it is for.
        now: the moment.
        context: calendars.

    Raises:
        redis.RedisError: the store is away.
    """
    by_partition: dict[int, list[str]] = {}
    for item in items:
        if item.partition is not None:
            by_partition.setdefault(item.partition, []).append(item.account_id)
    records: dict[str, AccountRecord] = {}
    reports: dict[str, HealthReport] = {}
    for partition, accounts in by_partition.items():
        loaded = store.read(partition, accounts)
        for account_id, report in loaded.reports.items():
            if (record := loaded.records.get(account_id)) is not None:
                reports[account_id] = report
                records[account_id] = current(record, report, now, config, context)
    lines = entries_of(items, records, reports)
    if not lines:
        return None
    lines_max = config.lifecycle.daily_digest.lines_max
    return daily_digest_notification(owner, lines, due, now, lines_max, config.plays)


def current(
    record: AccountRecord, report: HealthReport, now: datetime, config: AlertingConfig, context: AlertContext
) -> AccountRecord:
    """What is remembered of an account, with its signals' words and numbers as of a moment; nothing is told of it."""
    rules = config.book.of(AccountFacts(report, now))
    moment = max(now, report.as_of, record.evaluated_at or report.as_of)
    return evaluate_rules(record, report, rules, moment, context).record or record
