"""Alerts and silences as the audit log tells them: the newest step of each alert is its state."""

import threading
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from alerts.alert_events import SYSTEM, AlertEvent, decode_alert_event, key_of, owner_of_key
from alerts.model import SEVERITY_RANK, Alert
from alerts.silences import Silence, silence_over
from stream.contracts.errors import BadEvent

STEPS_OF_ONE_MAX: Final = 60
NOTES_OF_ONE_MAX: Final = 30
UNNOTICED_MAX: Final = timedelta(hours=1)
_PIPELINE: Final = ("pipeline_incident_opened", "pipeline_incident_resolved")


@dataclass
class Episode:
    """One alert and its steps, oldest first; of very many the oldest are dropped."""

    alert: Alert
    seq: int
    steps: list[AlertEvent] = field(default_factory=list)

    @property
    def passed_unnoticed(self) -> bool:
        """Whether it came and went within an hour, and nobody was told of it or did anything.

        So it is while a history is loaded. The log and the API have it all the same.
        """
        alert = self.alert
        if alert.resolved_at is None or alert.resolved_at - alert.opened_at >= UNNOTICED_MAX:
            return False
        return alert.last_notification is None and all(step.by == SYSTEM for step in self.steps)


class AlertLog:
    """All alerts that are open, and the newest of the others. Written by one thread, read by others.

    Args:
        kept: how many alerts at most, and notes of how many accounts; open alerts are always kept.
        on_step: called with each step.
    """

    def __init__(self, kept: int, on_step: Callable[[AlertEvent], None] = lambda step: None) -> None:
        self._on_step = on_step
        self._lock = threading.Lock()
        self._kept = kept
        self._episodes: OrderedDict[str, Episode] = OrderedDict()
        self._by_account: dict[str, set[str]] = {}
        self._notes: OrderedDict[str, list[AlertEvent]] = OrderedDict()  # by account, the one noted last at the end
        self._silences: dict[str, Silence] = {}
        self._incident: AlertEvent | None = None  # the newest step of the pipeline's

    @property
    def pipeline_incident(self) -> AlertEvent | None:
        """The step that opened the incident of the pipeline that runs; None when none does."""
        newest = self._incident
        return newest if newest is not None and newest.kind == "pipeline_incident_opened" else None

    def take(self, value: bytes | None, key: bytes | None = None) -> str | None:
        """Take a record of the log; returns the account whose alert moved, None when none did.

        Args:
            value: its value; None: the step of the key is erased.
            key: its key.
        """
        if value is None and key:
            return self._erase(key)
        try:
            step = decode_alert_event(value or b"")
        except BadEvent:
            return None
        account_id = self._keep(step)
        self._on_step(step)
        return account_id

    def open_of(self, account_id: str) -> list[Alert]:
        """The alerts of an account that are open, the worst first."""
        with self._lock:
            found = [self._episodes[name].alert for name in self._by_account.get(account_id, ())]
        return sorted((alert for alert in found if alert.is_open), key=_urgency)

    def of_account(self, account_id: str) -> list[Episode]:
        """Every kept episode of an account, open ones first, then the newest."""
        with self._lock:
            found = [_copied(self._episodes[name]) for name in self._by_account.get(account_id, ())]
        return _in_order(found)

    def all(self, *, is_open: bool | None = None) -> list[Episode]:
        """Every kept episode, open ones first, the worst and newest of them first."""
        with self._lock:
            found = [_copied(episode) for episode in self._episodes.values()]
        return _in_order([each for each in found if is_open is None or each.alert.is_open == is_open])

    def get(self, alert_id: str) -> Episode | None:
        """One episode."""
        with self._lock:
            episode = self._episodes.get(alert_id)
            return _copied(episode) if episode is not None else None

    def notes_of(self, account_id: str) -> list[AlertEvent]:
        """What people noted about an account, the newest first."""
        with self._lock:
            return list(reversed(self._notes.get(account_id, ())))

    def open_counts(self) -> dict[str, int]:
        """Account to how many of its alerts are open, where any is."""
        with self._lock:
            counts: dict[str, int] = {}
            for episode in self._episodes.values():
                if episode.alert.is_open:
                    counts[episode.alert.account_id] = counts.get(episode.alert.account_id, 0) + 1
        return counts

    def silences(self, now: datetime) -> list[Silence]:
        """Those that hold now or later, the one that ends first in front."""
        with self._lock:
            found = list(self._silences.values())
        return sorted((each for each in found if each.ends_at > now), key=lambda each: each.ends_at)

    def silence_over(self, alert: Alert, now: datetime) -> Silence | None:
        """The silence that keeps an alert from being told; None when there is none."""
        with self._lock:
            return silence_over(alert, self._silences.values(), now)

    def _keep(self, step: AlertEvent) -> str | None:
        with self._lock:
            if step.kind in _PIPELINE and (self._incident is None or step.seq >= self._incident.seq):
                self._incident = step
            if step.silence is not None:
                self._silences[step.silence.silence_id] = step.silence
            if step.kind == "noted" and step.account_id is not None:
                self._note(step.account_id, step)
                return step.account_id
            alert_id = _alert_of(step)
            if alert_id is None:
                return None
            episode = self._episodes.get(alert_id)
            if episode is None:
                if step.alert is None:
                    return None
                episode = self._open(step.alert, step.seq)
            self._add(episode, step)
        return episode.alert.account_id

    def _note(self, account_id: str, step: AlertEvent) -> None:
        """Keep a note; whose account was noted longest ago gives way."""
        notes = self._notes.setdefault(account_id, [])
        if all(known.command_id != step.command_id for known in notes):  # a record may be written twice
            insort(notes, step, key=lambda each: each.seq)
            del notes[:-NOTES_OF_ONE_MAX]
        self._notes.move_to_end(account_id)
        if len(self._notes) > self._kept:
            self._notes.popitem(last=False)

    def _erase(self, key: bytes) -> str | None:
        """A step was erased: it goes, and with its last step the episode."""
        owner = owner_of_key(key)
        with self._lock:
            for alert_id in list(self._by_account.get(owner, ())):
                episode = self._episodes[alert_id]
                episode.steps = [step for step in episode.steps if key_of(owner, step).encode() != key]
                if not episode.steps:
                    self._drop(alert_id)
            if owner in self._notes:
                self._notes[owner] = [step for step in self._notes[owner] if key_of(owner, step).encode() != key]
            self._silences.pop(owner, None)
        return owner

    def _drop(self, alert_id: str) -> None:
        account_id = self._episodes.pop(alert_id).alert.account_id
        of_account = self._by_account[account_id]
        of_account.discard(alert_id)
        if not of_account:
            del self._by_account[account_id]

    def _open(self, alert: Alert, seq: int) -> Episode:
        episode = self._episodes[alert.alert_id] = Episode(alert, seq)
        self._by_account.setdefault(alert.account_id, set()).add(alert.alert_id)
        if len(self._episodes) > self._kept:
            self._forget_one()
        return episode

    def _forget_one(self) -> None:
        """The oldest that is over gives way."""
        for alert_id, episode in self._episodes.items():
            if episode.alert.status == "resolved":
                self._drop(alert_id)
                return

    def _add(self, episode: Episode, step: AlertEvent) -> None:
        if any(known.seq == step.seq and known.kind == step.kind for known in episode.steps):
            return  # a record may be written twice
        insort(episode.steps, step, key=lambda each: each.seq)
        del episode.steps[:-STEPS_OF_ONE_MAX]
        if step.alert is not None and step.seq >= episode.seq:
            episode.alert, episode.seq = step.alert, step.seq


def _alert_of(step: AlertEvent) -> str | None:
    """Which alert a step is about; a delivery names its message, and the message the alert."""
    if step.alert is not None:
        return step.alert.alert_id
    if step.notification_id is not None:
        return step.notification_id.partition(":")[0]
    return None


def _copied(episode: Episode) -> Episode:
    return Episode(episode.alert, episode.seq, list(episode.steps))


def _urgency(alert: Alert) -> tuple[int, float]:
    return -SEVERITY_RANK[alert.severity], -alert.opened_at.timestamp()


def _in_order(episodes: list[Episode]) -> list[Episode]:
    return sorted(episodes, key=lambda each: (not each.alert.is_open, *_when(each.alert)))


def _when(alert: Alert) -> tuple[float, ...]:
    """Open: the worst, then the newest; over: the one that ended last."""
    if alert.is_open:
        return _urgency(alert)
    return 0, -(alert.resolved_at or alert.opened_at).timestamp()
