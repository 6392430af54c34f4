"""Writes each owner's daily digest at their hour: what changed, as it stands now, into the outbox.

Whoever of several processes is first writes it: the items, the hour and the outbox's entries change in one transaction
under a watched key. Words and numbers are read from what is remembered at that moment.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import redis

from alerts.account_facts import AccountFacts
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.daily_digest import DigestItem, entries_of
from alerts.evaluation import evaluate_rules
from alerts.messages.daily_digest import daily_digest_notification
from alerts.model import AccountRecord
from consumers.alerting.digest_queue import NO_OWNER, DigestQueue
from consumers.alerting.outbox import Outbox, OutboxEntry
from consumers.alerting.recipients import Recipients
from consumers.alerting.state import StateStore
from stream.config.logs import get_logger
from stream.contracts.report import AlertReportView, HealthReport

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
        records, reports = self._as_of(items, now, context)
        lines = entries_of(items, records, reports)
        if not lines:
            return []
        lines_max = self._config.lifecycle.daily_digest.lines_max
        notification = daily_digest_notification(None if owner == NO_OWNER else owner, lines, due, now, lines_max)
        return [
            OutboxEntry(id=notification.id, receiver=name, notification=notification, after=None, created_ms=now_ms)
            for name in self._recipients.of(notification)
        ]

    def _as_of(
        self, items: Iterable[DigestItem], at: datetime, context: AlertContext
    ) -> tuple[dict[str, AccountRecord], dict[str, AlertReportView]]:
        """What is remembered of the items' accounts, evaluated for the moment, and their reports."""
        by_partition: dict[int, list[str]] = {}
        for item in items:
            if item.partition is not None:
                by_partition.setdefault(item.partition, []).append(item.account_id)
        records: dict[str, AccountRecord] = {}
        reports: dict[str, AlertReportView] = {}
        for partition, accounts in by_partition.items():
            loaded = self._store.read(partition, accounts)
            for account_id, report in loaded.reports.items():
                record = loaded.records.get(account_id)
                if record is not None:
                    reports[account_id] = report
                    records[account_id] = current(record, report, at, self._config, context)
        return records, reports


def current(
    record: AccountRecord, report: HealthReport, now: datetime, config: AlertingConfig, context: AlertContext
) -> AccountRecord:
    """What is remembered of an account, with its signals' words and numbers as of a moment; nothing is told of it."""
    facts = AccountFacts(report, now)
    rules = config.book.choose(report.profile, facts.stage, facts.mrr)
    moment = max(now, report.as_of, record.evaluated_at or report.as_of)
    return evaluate_rules(record, report, rules, moment, context).record or record
