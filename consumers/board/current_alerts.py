"""Open alerts in the words of now: the log has them as they were when they last changed, which may be weeks ago."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from kafka.errors import KafkaError

from alerts.account_facts import AccountFacts
from alerts.config import AlertingConfig
from alerts.context import AlertContext
from alerts.evaluation import evaluate_rules
from alerts.model import AccountRecord, Alert
from alerts.playbooks import Play, choose
from alerts.rules import declaration
from consumers.board.account_index import RecordPosition
from consumers.board.read_model import ReadModel
from stream.calendar.workdays import Calendars
from stream.config.logs import get_logger
from stream.contracts.errors import BadEvent
from stream.contracts.report import HealthReport

REPORTS_KEPT: Final = 2_000

log = get_logger(__name__)


class CurrentAlerts:
    """Evaluates the rules of open alerts on their accounts' current reports; changes nothing and tells nobody.

    Args:
        read_model: the accounts.
        config: rules and plays.
        calendars: when accounts work.
        event_clock: whether now is each report's own moment, as in a replay.
    """

    def __init__(
        self, read_model: ReadModel, config: AlertingConfig, calendars: Calendars, *, event_clock: bool
    ) -> None:
        self._read_model = read_model
        self._config = config
        self._event_clock = event_clock
        self._context = AlertContext(config.lifecycle, calendars=calendars)
        self._lock = threading.Lock()
        self._reports: OrderedDict[str, tuple[RecordPosition, HealthReport]] = OrderedDict()

    def current(self, alert: Alert) -> Alert:
        """The alert as of now; as the log has it when it is over, or its account's report can't be read."""
        report = self._report(alert.account_id) if alert.is_open else None
        if report is None:
            return alert
        try:
            return alert_as_of(alert, report, self.now(report), self._config, self._context)
        except Exception:  # evidence of another version: one alert must not take the page from all
            log.exception("alert shown as it was", alert_id=alert.alert_id, account_id=alert.account_id)
            return alert

    def facts(self, report: HealthReport) -> AccountFacts:
        """What a report says as of now."""
        return AccountFacts(report, self.now(report), self._context.calendars.of(report.profile.segment))

    def now(self, report: HealthReport) -> datetime:
        """The moment that counts for an account."""
        return report.as_of if self._event_clock else datetime.now(UTC)

    def plays(self, alert: Alert) -> list[Play]:
        """What to try about an alert, the next step first."""
        row = self._read_model.accounts.row(alert.account_id)
        known = declaration(alert.rule)
        plays: Sequence[Play] = self._config.playbooks.get(alert.rule) or (known.plays if known is not None else ())
        return choose(plays, row.moved if row is not None else ())

    def _report(self, account_id: str) -> HealthReport | None:
        """The current report, kept until a newer one comes."""
        row = self._read_model.accounts.row(account_id)
        if row is None:
            return None
        with self._lock:
            kept = self._reports.get(account_id)
        if kept is not None and kept[0] == row.position:
            return kept[1]
        try:
            found = self._read_model.report(account_id)
        except (KafkaError, BadEvent):
            return None
        if found is None:
            return None
        with self._lock:
            self._reports[account_id] = found
            self._reports.move_to_end(account_id)
            if len(self._reports) > REPORTS_KEPT:
                self._reports.popitem(last=False)
        return found[1]


def alert_as_of(
    alert: Alert, report: HealthReport, now: datetime, config: AlertingConfig, context: AlertContext
) -> Alert:
    """An open alert with the words and numbers of a moment.

    Whether it is over is for alerting to decide, which knows more: an alert that ended by these rules stays as it is.

    Args:
        alert: an open one.
        report: its account's.
        now: the moment; not before the report's.
        config, context: rules and settings.
    """
    facts = AccountFacts(report, now, context.calendars.of(report.profile.segment))
    if facts.inactive_because is not None:
        return alert
    record = AccountRecord(
        account_id=alert.account_id,
        evaluated_as_of=min(alert.last_as_of, report.as_of),
        score=alert.last_score,
        band=report.band,
        segment=alert.segment,
        alert=alert,
        signals={signal.rule: signal for signal in alert.signals},
    )
    rules = config.book.of(facts)
    found = evaluate_rules(record, report, rules, facts.now, context).record
    after = found.alert if found is not None else None
    return after if after is not None and after.is_open and after.alert_id == alert.alert_id else alert
