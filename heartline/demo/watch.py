"""What comes out: health reports from Kafka, messages at the Slack stand-in, numbers from the metrics pages.

Everything that the demo shows or returns is read here, from the outside, as any other consumer would.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from heartline.demo.slack_standin import Received
from heartline.demo.stage import Stage
from heartline.processes.scrape import Scrape, scrape
from stream.contracts.errors import BadEvent
from stream.contracts.report import HealthReport, decode_report
from stream.engine.connection import client_arguments

_SCRAPE_SECONDS: Final = 0.5
_SETTLE_SECONDS: Final = 15.0


@dataclass
class Seen:
    """All that is known from the outside so far.

    Attributes:
        reports: the current report of every account.
        published: health reports read.
        messages: what the Slack stand-in accepted, in order.
        worker, alerting: the last metrics pages; None before the first.
    """

    reports: dict[str, HealthReport] = field(default_factory=dict)
    published: int = 0
    messages: list[Received] = field(default_factory=list)
    worker: Scrape | None = None
    alerting: Scrape | None = None

    def alerts(self, kind: str) -> int:
        """How many alerts were opened, updated or resolved."""
        return self._alerting("heartline_alert_transitions_total", kind=kind)

    @property
    def pages(self) -> int:
        """Pages that the receiver has taken: red flags opened, come back or worse."""
        name = "heartline_delivered_notifications_total"
        return sum(self._alerting(name, kind=kind) for kind in ("opened", "reopened", "updated"))

    @property
    def digests(self) -> int:
        """Daily digests that the receiver has taken."""
        return self._alerting("heartline_delivered_notifications_total", kind="daily_digest")

    @property
    def delivered(self) -> int:
        """Messages that the receiver has taken, as the alerting process counts them."""
        return self._alerting("heartline_notifications_total", outcome="delivered")

    def caught_up(self, sent: int) -> bool:
        """Whether nothing of what was sent is under way any more: all folded and published, evaluated and told."""
        if self.worker is None or self.alerting is None:
            return False
        waiting = (
            self.worker.total("heartline_worker_dirty_accounts"),
            self.worker.total("heartline_worker_pending_accounts"),
            self.alerting.total("heartline_alerting_lag_records"),
            self.alerting.total("heartline_outbox_depth"),
        )
        return self.folded >= sent and all(count == 0 for count in waiting)

    @property
    def folded(self) -> float:
        """Records that the worker has read."""
        count = self.worker.total("heartline_worker_records_folded_total") if self.worker is not None else None
        return count if count is not None else 0.0

    def _alerting(self, name: str, **labels: str) -> int:
        count = self.alerting.total(name, **labels) if self.alerting is not None else None
        return round(count) if count is not None else 0


async def follow_health(stage: Stage, seen: Seen) -> None:
    """Read `account-health` from its beginning, committed records only, until cancelled."""
    topic = stage.kafka.topics.health
    consumer = AIOKafkaConsumer(
        **client_arguments(stage.kafka), isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(stage.kafka.partitions)])
        async for record in consumer:
            try:
                report = decode_report(record.value)
            except BadEvent:
                continue
            seen.reports[report.account_id] = report
            seen.published += 1
    finally:
        await consumer.stop()


async def follow_numbers(stage: Stage, seen: Seen) -> None:
    """Read the metrics pages and the stand-in over and over until cancelled; ends with an error if a process did."""
    while True:
        stage.worker.check()
        stage.alerting.check()
        await read_numbers(stage, seen)
        await asyncio.sleep(_SCRAPE_SECONDS)


async def read_numbers(stage: Stage, seen: Seen) -> None:
    """Read each once."""
    worker, alerting = await asyncio.gather(
        asyncio.to_thread(scrape, stage.worker_port), asyncio.to_thread(scrape, stage.alerting_port)
    )
    seen.worker, seen.alerting = worker or seen.worker, alerting or seen.alerting
    seen.messages = [item for item in stage.slack.received if item.answer.status == 200]


async def settle(seen: Seen, sent: int, stop: asyncio.Event) -> None:
    """Wait until everything that was sent has come out at the other end; not longer than a quarter of a minute."""
    calm = 0
    for _ in range(round(_SETTLE_SECONDS / _SCRAPE_SECONDS)):
        calm = calm + 1 if seen.caught_up(sent) else 0
        if calm >= 4 or stop.is_set():
            return
        await asyncio.sleep(_SCRAPE_SECONDS)
