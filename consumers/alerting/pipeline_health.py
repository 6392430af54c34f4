"""Trouble of the pipeline over all processes: what each partition shows, what stands for all, and who is told of it.

    <prefix>sights    hash: partition to alerts.trouble.Sight, JSON; written in each batch's own transaction
    <prefix>trouble   alerts.trouble.Standing, JSON; gone while there is none

Every process reads all sights and decides alike. Whoever is first writes what stands, the operators' message and the
step in one transaction under a watched key, so that several processes tell it once.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

import msgspec
import redis
from msgspec.structs import replace

from alerts.lifecycle import Transition
from alerts.notice import subject
from alerts.policy import Trouble, TroubleSettings
from alerts.steps import Step
from alerts.trouble import MASS_RULES, Look, Sight, Standing, doubt, look, see, settling, signs
from alerts.trouble_notice import PIPELINE_RULE, trouble_notice
from consumers.alerting.audit import AuditLog
from consumers.alerting.batch import Incoming, Judged
from consumers.alerting.metrics import Metrics
from consumers.alerting.outbox import Notification, Outbox
from consumers.alerting.recipients import Telling
from consumers.alerting.state import Known
from stream.config.logs import get_logger

_FELL: Final = frozenset({"opened", "reopened"})

_sight_decoder = msgspec.json.Decoder(Sight)
_standing_decoder = msgspec.json.Decoder(Standing)
_encoder = msgspec.json.Encoder()

log = get_logger(__name__)


class Data(NamedTuple):
    """What is known of the data behind the reports: trouble that stands, and whether a mass drop may have begun."""

    trouble: Trouble | None = None
    settling: str | None = None


class Doubt:
    """What this process knows of the pipeline's trouble.

    Args:
        client: from `consumers.alerting.state.connect`.
        prefix: put before every key.
        outbox: where operators' messages go.
        audit: where the steps go.
        settings: the limits.
        telling: whom to tell.
        metrics: of the process.
    """

    def __init__(
        self,
        client: redis.Redis,
        prefix: str,
        outbox: Outbox,
        audit: AuditLog,
        settings: TroubleSettings,
        telling: Telling,
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._sights_key, self._trouble_key = f"{prefix}sights", f"{prefix}trouble"
        self._outbox = outbox
        self._audit = audit
        self._settings = settings
        self._telling = telling
        self._metrics = metrics
        self._sights: dict[int, Sight] = {}
        self._standing: Standing | None = None
        self._held = False

    def data(self, now: datetime) -> Data:
        """What holds account alerts back."""
        trouble = doubt(self._standing, self._settings, now)
        return Data(trouble, settling(self._sights.values(), self._settings, now))

    def read(self) -> bytes | None:
        """Learn what every partition shows, and what stands; the latter as it is stored."""
        sights = cast("dict[bytes, bytes]", self._client.hgetall(self._sights_key))
        stored = cast("bytes | None", self._client.get(self._trouble_key))
        self._sights = {int(partition): _sight_decoder.decode(value) for partition, value in sights.items()}
        self._standing = _standing_decoder.decode(stored) if stored is not None else None
        return stored

    def weigh(
        self,
        partition: int,
        known: Known,
        judge: Callable[[Data], Judged],
        *,
        incoming: Sequence[Incoming] = (),
        accounts: int,
        now: datetime,
    ) -> Judged:
        """Judge a batch, and once more with everything held where the batch itself shows that the data are in doubt.

        Args:
            partition: of the health topic.
            known: what is remembered of the batch's accounts.
            judge: the batch, under what is known of the data; pure.
            incoming: its reports.
            accounts: how many are known in the partition.
            now: the wall clock.
        """
        known_of_data = self.data(now)
        judged = judge(known_of_data)
        reports = [item.outline for item in incoming if item.outline is not None]
        sight = see(
            self._sights.get(partition, Sight()),
            reports,
            accounts=accounts,
            delay_seconds=_delay_seconds(incoming, now),
            fallen=_fallen([transition for transition, _ in judged.steps], known),
            now=now,
            settings=self._settings,
        )
        if self._standing is None:
            sights = (self._sights | {partition: sight}).values()
            begins = look(None, sights, self._settings, now).standing
            shown = Data(doubt(begins, self._settings, now), settling(sights, self._settings, now))
            if shown.trouble is not None or (shown.settling is not None and known_of_data.settling is None):
                judged = judge(shown)
        judged.changes.sight = sight
        return judged

    def keep(self, partition: int, sight: Sight) -> None:
        """A batch is written: that is what the partition shows now."""
        self._sights[partition] = sight

    def look(self, partitions: Sequence[int], now: datetime) -> bool:
        """Decide whether trouble begins or ends; True when what was held need not be held any more.

        Args:
            partitions: ours; the step goes into the audit log of the first.
            now: the wall clock.
        """
        stored = self.read()
        seen = look(self._standing, self._sights.values(), self._settings, now)
        if partitions and seen.standing != self._standing:
            self._write(stored, seen, min(partitions), now)
        self._metrics.trouble(signs(self._sights.values(), self._settings, now))
        held, self._held = self._held, doubt(self._standing, self._settings, now) is not None
        return held and not self._held

    def _write(self, stored: bytes | None, seen: Look, partition: int, now: datetime) -> None:
        """Write what stands from now on, unless another process was faster; then the next look learns of it."""
        standing, notifications = seen.standing, list[Notification]()
        if seen.says is not None:
            standing, notifications = self._tell(seen, now)
        pipe: Any
        with self._client.pipeline(transaction=True) as pipe:
            try:
                pipe.watch(self._trouble_key)
                if pipe.get(self._trouble_key) != stored:
                    return
                pipe.multi()
                if standing is None:
                    pipe.delete(self._trouble_key)
                else:
                    pipe.set(self._trouble_key, _encoder.encode(standing))
                for notification in notifications:
                    self._outbox.add(pipe, notification)
                if seen.says is not None:
                    self._audit.add(pipe, partition, PIPELINE_RULE, _step(seen, now))
                pipe.execute()
            except redis.WatchError:
                return
        self._standing = standing
        if seen.says is not None:
            log.warning(f"pipeline trouble {seen.says}", reason=seen.reason)

    def _tell(self, seen: Look, now: datetime) -> tuple[Standing | None, list[Notification]]:
        """What stands, knowing who was told, and the message to each of them."""
        ended = seen.says == "ended"
        about = self._standing if ended else seen.standing
        assert about is not None  # something begins or ends
        notice = trouble_notice(about, now, self._settings, reason=seen.reason, ended=ended)
        receivers = list(dict.fromkeys([*about.told, *self._telling.routes.decide(subject(notice)).receivers]))
        told = [name for name in receivers if name in self._telling.tells and self._telling.tells[name](notice.kind)]
        notifications = [
            Notification(
                id=notice.id,
                receiver=name,
                notice=notice,
                after=f"{notice.alert_id}:opened" if ended else None,
                created_ms=int(now.timestamp() * 1000),
            )
            for name in told
        ]
        return None if ended else replace(about, told=receivers), notifications


def _fallen(transitions: Sequence[Transition], known: Known) -> int:
    """Accounts that were known before, and fell now. One that is first seen may have been low for ever."""
    accounts = {
        transition.alert.account_id
        for transition in transitions
        if transition.alert is not None and transition.kind in _FELL and transition.alert.rule in MASS_RULES
    }
    return len(accounts & known.records.keys())


def _delay_seconds(incoming: Sequence[Incoming], now: datetime) -> float | None:
    """From the newest fact behind the least late report until now; None without a report."""
    moments = [
        item.outline.ingested_at.timestamp() if item.outline.ingested_at is not None else item.written_ms / 1000
        for item in incoming
        if item.outline is not None
    ]
    return now.timestamp() - max(moments) if moments else None


def _step(seen: Look, now: datetime) -> Step:
    """The beginning or the end, as the audit log has it."""
    return Step(
        seq=int(now.timestamp() * 1000),
        kind="pipeline_trouble" if seen.says == "began" else "pipeline_recovered",
        at=now,
        reason=seen.reason,
    )
