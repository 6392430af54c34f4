"""What an owner's daily digest is to tell: what got worse or better, what is due, and good news. Pure.

An item says that something changed and not how it stands: the words and numbers are read when the digest is written, so
that nothing in it is old. An item whose change is undone by then is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from alerts.context import AlertContext, DailyDigestSettings
from alerts.model import AccountRecord, Alert, Signal
from alerts.quiet_hours import QuietSettings
from alerts.red_flag import NotificationKind
from alerts.signals import SignalChange, SignalStep
from alerts.silences import silence_over
from stream.calendar.names import DAY_NAMES
from stream.contracts.report import AlertReportView, HealthReport

Section = Literal["worse", "due", "better", "good_news"]

SECTIONS: Final[tuple[Section, ...]] = get_args(Section)
DAILY_DIGEST: Final = "daily_digest"
_LOOK_AHEAD_DAYS: Final = 8


class DigestItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of one signal, for the digest of the account's owner.

    Attributes:
        owner: whose digest; None: of the accounts without an owner.
        account_id: the account.
        rule: of the signal.
        change: what happened to it.
        at: when.
        partition: of the health topic, where the account is; None outside of it.
    """

    owner: str | None
    account_id: str
    rule: str
    change: SignalChange
    at: datetime
    partition: int | None = None


class DigestEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a digest: an item as it stands when the digest is written.

    Attributes:
        section: where it stands.
        account: what is remembered of the account now.
        report: its latest report.
        signal: as it is now.
    """

    section: Section
    account: AccountRecord
    report: HealthReport
    signal: Signal


def digest_items(
    report: AlertReportView,
    alert: Alert | None,
    steps: Sequence[SignalStep],
    notification_kind: NotificationKind | None,
    now: datetime,
    context: AlertContext,
) -> tuple[DigestItem, ...]:
    """What the next digest is to tell of an account's changes.

    Args:
        report: the account's.
        alert: its red flag after the step.
        steps: the signals that changed.
        told: what a page told in the same step: what is in it is not told twice.
        now: the moment.
        context: silences.
    """
    if not context.lifecycle.daily_digest.enabled:
        return ()
    if alert is not None and silence_over(alert, context.silences, now) is not None:
        return ()
    found = []
    for step in steps:
        signal = step.signal
        if signal is None or step.change is None or signal.channel == "log" or signal.accepted_by is not None:
            continue
        if notification_kind is not None and _in_message(signal, alert, notification_kind):
            continue
        found.append(
            DigestItem(
                owner=report.profile.owner,
                account_id=report.account_id,
                rule=signal.rule,
                change=step.change,
                at=now,
            )
        )
    return tuple(found)


def _in_message(signal: Signal, alert: Alert | None, notification_kind: NotificationKind) -> bool:
    """Whether the page of the same step speaks of a signal."""
    if alert is None or signal.tone == "opportunity":
        return False
    return any(each.rule == signal.rule for each in alert.signals)


def collapse(items: Iterable[DigestItem]) -> list[DigestItem]:
    """The last item of each account and rule, without what came and went between two digests."""
    first: dict[tuple[str, str], DigestItem] = {}
    last: dict[tuple[str, str], DigestItem] = {}
    for item in sorted(items, key=lambda each: each.at):
        key = item.account_id, item.rule
        first.setdefault(key, item)
        last[key] = item
    return [item for key, item in last.items() if not (item.change == "resolved" and first[key].change == "firing")]


def entries_of(
    items: Iterable[DigestItem],
    records: Mapping[str, AccountRecord],
    reports: Mapping[str, HealthReport],
) -> list[DigestEntry]:
    """The items as they stand now, without those that do not hold any more, or that a page has told of since.

    Args:
        items: of one owner.
        records: what is remembered of their accounts, with signals as of now.
        reports: the latest reports of their accounts.
    """
    found = []
    for item in collapse(items):
        record, report = records.get(item.account_id), reports.get(item.account_id)
        signal = record.signals.get(item.rule) if record is not None else None
        if record is None or report is None or signal is None:
            continue
        if record.is_inactive and signal.tone != "opportunity":
            continue  # of an account that is not alive only its way back is news
        section = section_of(item.change, signal)
        if section is not None and not _told_since(item, signal, record.alert):
            found.append(DigestEntry(section=section, account=record, report=report, signal=signal))
    return found


def _told_since(item: DigestItem, signal: Signal, alert: Alert | None) -> bool:
    """Whether a message about the account's red flag, which gathers its signals, has told of an item since."""
    if alert is None or alert.notified_at is None or alert.notified_at < item.at:
        return False
    if item.change == "resolved":
        return not alert.is_open and signal.reason in alert.reason
    return alert.is_open and any(each.rule == item.rule for each in alert.firing)


def section_of(change: SignalChange, signal: Signal) -> Section | None:
    """Where a change stands in a digest; None: nowhere, since it does not hold any more."""
    if signal.tone == "opportunity":
        return "good_news" if signal.counts and change != "resolved" else None
    if change == "resolved":
        return "better" if not signal.is_firing and signal.recovered else None
    if not signal.counts or signal.clear_since is not None or signal.eased_to == "info":
        return None
    return "due" if signal.tone == "task" else "worse"


def next_digest(owner: str | None, now: datetime, digest: DailyDigestSettings, quiet: QuietSettings) -> datetime:
    """When an owner's next digest is written: at its hour on a working day, in the owner's zone; aware UTC.

    Args:
        owner: whose; None: of the accounts without an owner.
        now: the moment.
        digest: the hour.
        quiet: zones and working days.
    """
    zone = ZoneInfo(quiet.owners.get(owner, quiet.timezone) if owner is not None else quiet.timezone)
    day = now.astimezone(zone).date()
    for ahead in range(_LOOK_AHEAD_DAYS):
        moment = datetime.combine(day + timedelta(days=ahead), digest.at, zone)
        day_name = DAY_NAMES[moment.weekday()]
        if moment > now and day_name in digest.days and day_name in quiet.working_days:
            return moment.astimezone(UTC)
    return now + timedelta(days=1)
