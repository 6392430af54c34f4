"""From an event to its Slack message, under load: a worker and an alerting process on an embedded Kafka and Valkey.

    python bench/alerting_latency.py [events a second] [seconds]

The topics are filled with 30 days of usage of 2,000 accounts; then usage of theirs comes at a steady pace, and between
it, ten times a second, a further account's request to cancel. Such a request is a red flag by itself, so each has one
message to wait for. The latency is from the request's Kafka timestamp to its message's arrival at a stand-in for Slack,
which is told without the pace of one message a second. All settings are the shipped ones but that pace, and that many
messages at once become one.
"""

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from heartline.bench.latency import quantile
from heartline.bench.sending import send_all
from heartline.bench.workload import USAGE_SHARE, Shape, Workload
from heartline.demo.slack_standin import SlackStandin
from heartline.demo.stage import PARTITIONS, environment
from heartline.embedded import KafkaServer, ValkeyServer
from heartline.embedded.ports import free_ports
from heartline.processes.child_process import Role
from heartline.replay.lines import InputRecord
from heartline.replay.sender import Sender
from stream.config.settings import KafkaSettings

SHAPE: Final = Shape(events=200_000, accounts=2_000, users_per_account=5, distribution="uniform")
REQUESTS_PER_SECOND: Final = 10
REST_SECONDS: Final = 15.0
WARM_SECONDS: Final = 5.0
DEMO_ONLY: Final = (
    "HEARTLINE_WORKER__CLOCK",
    "HEARTLINE_ALERTING__CLOCK",
    "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS",
)


def main(per_second: float, seconds: float) -> None:
    """Set up, send, and print what came of it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heartline-bench-")))
        valkey, kafka = stack.enter_context(ValkeyServer()), stack.enter_context(KafkaServer())
        slack = stack.enter_context(SlackStandin())
        ports = free_ports(3)
        environ = environment(os.environ, kafka=kafka.bootstrap_servers, redis=valkey.url, slack=slack.url, ports=ports)
        environ = {name: value for name, value in environ.items() if name not in DEMO_ONLY}
        environ["HEARTLINE_SLACK__MESSAGES_PER_SECOND"] = "200"
        (config := folder / "rules.yaml").write_text("lifecycle:\n  digest:\n    enabled: false\n")
        environ["HEARTLINE_ALERTING__CONFIG"] = str(config)
        roles = [Role(name, environ, folder) for name in ("worker", "alerting")]
        settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers, partitions=PARTITIONS)
        workload = Workload(SHAPE, now_ms())
        asyncio.run(send_all(settings, usage(workload.history()), lambda count: None))
        for role in roles:
            stack.callback(role.stop)
            role.start()
        for role in roles:
            role.wait_ready()
        time.sleep(REST_SECONDS)  # every account has its first report, and what that raises is told
        sent, pace = asyncio.run(send(settings, workload, per_second, seconds))
        arrivals = wait_for(slack, sent)
        print(f"{len(slack.received):,} messages in all; load average {os.getloadavg()[0]:.1f}")
        for role in roles:
            role.check()
    show(sent, arrivals, pace)


def usage(records: Iterator[InputRecord]) -> Iterator[InputRecord]:
    """The usage among some events: other kinds would raise red flags of their own."""
    return (record for record in records if record.kind == "usage")


async def send(
    kafka: KafkaSettings, workload: Workload, per_second: float, seconds: float
) -> tuple[dict[str, int], float]:
    """Usage at a pace, and requests between: account to its request's Kafka timestamp, and the pace that was kept."""
    sent: dict[str, int] = {}
    async with Sender(kafka) as sender:
        started, sent_before = time.monotonic(), 0
        while (elapsed := time.monotonic() - started) < seconds:
            due = int(elapsed * per_second / USAGE_SHARE)
            for record in usage(workload.present(due - sent_before, now_ms())):
                await sender.add(record)
            sent_before = due
            while len(sent) < (elapsed - WARM_SECONDS) * REQUESTS_PER_SECOND:
                await sender.add(request(sent))
            await sender.flush()
            await asyncio.sleep(0.02)
        await sender.confirm()
        return sent, sender.confirmed / (time.monotonic() - started)


def request(sent: dict[str, int]) -> InputRecord:
    """The next request to cancel; its moment is noted."""
    account, moment = f"leaver-{len(sent):05}", now_ms()
    sent[account] = moment
    body = {"event_id": account, "account_id": account, "subscription_id": account, "timestamp": moment}
    value = json.dumps(body | {"status": "cancellation_requested"}).encode()
    return InputRecord("subscription", account.encode(), value, moment)


def wait_for(slack: SlackStandin, sent: dict[str, int]) -> dict[str, float]:
    """Account to the moment when its request was told, epoch milliseconds; without those not told within a minute."""
    deadline, seen, arrivals = time.monotonic() + 60, 0, dict[str, float]()
    epoch_ms = time.time() * 1000 - time.monotonic() * 1000
    while len(arrivals) < len(sent) and time.monotonic() < deadline:
        time.sleep(0.5)
        for item in slack.received[seen:]:
            seen += 1
            text = json.dumps(item.payload)
            found = re.search(r"leaver-\d{5}", text)
            if found is not None and "wants to cancel" in text:
                arrivals.setdefault(found[0], item.at_seconds * 1000 + epoch_ms)
    return arrivals


def show(sent: dict[str, int], arrivals: dict[str, float], pace: float) -> None:
    """Print the latencies."""
    took = sorted((arrivals[account] - moment) / 1000 for account, moment in sent.items() if account in arrivals)
    print(f"{pace:,.0f} events/s; {len(took)} of {len(sent)} requests notified")
    if took:
        p50, p90, p99 = (quantile(took, len(took), share) for share in (0.5, 0.9, 0.99))
        print(f"event to Slack: p50 {p50:.2f} s, p90 {p90:.2f} s, p99 {p99:.2f} s, max {took[-1]:.2f} s")


def now_ms() -> int:
    """The wall clock, epoch milliseconds."""
    return int(time.time() * 1000)


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    main(given[0] if given else 5_000.0, given[1] if len(given) > 1 else 35.0)
