"""A message as it is true when it leaves the outbox: composed anew from what is remembered of its account by then.

What was written when the red flag changed may be minutes or, after an outage of its receiver, days old. Where the red
flag goes on, words and numbers are those of now; where it is over, or another one, the message stays as it was
written, since what it speaks of is the past. A daily digest is composed here for the first time that counts.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from alerts.account_facts import AccountFacts
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.messages.compose import notification_of
from alerts.notification import DIGESTS, AlertNotification
from consumers.alerting.daily_digests import compose_digest, current
from consumers.alerting.outbox import OutboxEntry
from consumers.alerting.state import StateStore
from stream.calendar.workdays import NO_CALENDARS, Calendars


class CurrentMessage:
    """Composes messages anew.

    Args:
        store: what is remembered of the accounts.
        config: rules and plays.
        now: the wall clock; None: on the event clock, each account's own last moment.
        calendars: when accounts work.
    """

    def __init__(
        self,
        store: StateStore,
        config: AlertingConfig,
        now: Callable[[], datetime] | None,
        calendars: Calendars = NO_CALENDARS,
    ) -> None:
        self._store = store
        self._config = config
        self._now = now
        self._context = AlertContext(config.lifecycle, calendars=calendars)

    def __call__(self, entry: OutboxEntry) -> AlertNotification | None:
        """The entry's notification as of now; None for a digest of which nothing holds any more.

        Raises:
            redis.RedisError: the store is away.
        """
        notification = entry.notification
        if notification.items:
            return self._digest(notification)
        if notification.account_id is None or entry.partition is None or notification.kind in DIGESTS:
            return notification
        loaded = self._store.read(entry.partition, [notification.account_id])
        record, report = loaded.records.get(notification.account_id), loaded.reports.get(notification.account_id)
        if record is None or report is None:
            return notification
        now = self._now() if self._now is not None else record.evaluated_at or report.as_of
        alert = record.alert
        if alert is None or alert.alert_id != notification.alert_id:
            return notification
        if alert.is_open:
            alert = current(record, report, now, self._config, self._context).alert
        if alert is None or alert.is_open != notification.is_open:
            return notification
        facts = AccountFacts(report, now, self._context.calendars.of(report.profile.segment))
        found = notification_of(
            alert,
            notification.kind,
            notification.id,
            report,
            facts,
            self._config.plays,
            reason=notification.reason,
            by=notification.by,
            recovered=notification.recovered,
        )
        return replace(found, severity=notification.severity)

    def _digest(self, notification: AlertNotification) -> AlertNotification | None:
        now = self._now() if self._now is not None else notification.at
        owner, due = notification.owner, notification.opened_at
        found = compose_digest(self._store, self._config, owner, notification.items, due, now, self._context)
        return None if found is None else replace(found, id=notification.id, alert_id=notification.alert_id)
