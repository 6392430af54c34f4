"""What the intake costs: CPU an event in batches, the time to a 202 at a steady pace, and memory.

    python -m bench.intake [events a second] [seconds]

One intake on an embedded Kafka; Segment's batches of 100 calls on connections that stay open. First as many as it
takes, for what an event costs; then at the given pace, for the time to the answer. A machine that does other things at
the same time lengthens the second, and hardly the first.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psutil

from heartline.bench.latency import quantile
from heartline.embedded import KafkaServer
from heartline.processes.child_process import Role

BATCH_EVENTS: Final = 100
CONNECTIONS: Final = 8
FLAT_OUT_BATCHES: Final = 1_500
KEY: Final = "a-write-key-of-the-bench"


def body(number: int) -> bytes:
    """One request: a batch of tracking calls as Segment's SDKs send them."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    calls = [
        {
            "type": "track",
            "messageId": f"m-{number}-{at}",
            "userId": f"u{(number * 7 + at) % 500}",
            "event": f"feature {at % 20}",
            "timestamp": now,
            "properties": {"path": "/reports", "ms": at},
            "context": {"groupId": f"account-{(number + at) % 200}", "library": {"name": "bench", "version": "1"}},
        }
        for at in range(BATCH_EVENTS)
    ]
    sent = json.dumps({"batch": calls, "sentAt": now, "writeKey": KEY}).encode()
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}"
    )
    return head.encode() + b"\r\n\r\n" + sent


async def send(port: int, batches: int, per_second: float | None) -> list[float]:
    """Send batches; the seconds from each request's due moment to its answer."""
    latencies: list[float] = []
    numbers = iter(range(batches))
    started = time.perf_counter()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            request = body(number)
            due = started if per_second is None else started + number * BATCH_EVENTS / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            begun = time.perf_counter() if per_second is None else due
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 202 " not in head.partition(b"\r\n")[0]:
                raise RuntimeError(head.decode("latin-1"))
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - begun)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return latencies


def main(per_second: float, seconds: float) -> None:
    """Start everything, send, and print the figures as JSON."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heartline-bench-")))
        kafka = stack.enter_context(KafkaServer())
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HEARTLINE_")} | {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "HEARTLINE_INTAKE__WRITE_KEYS": json.dumps({"bench": KEY}),
            "HEARTLINE_INTAKE__METRICS_PORT": "null",
            "HEARTLINE_INTAKE__PORT": "0",
        }
        role = Role("intake", environ, folder)
        stack.callback(role.stop)
        role.start()
        role.wait_ready()
        port = int(role.log_path.read_text("utf-8").partition("intake ready on ")[2].split()[0].rpartition(":")[2])
        process = role_process(folder)
        asyncio.run(send(port, 100, None))
        before = sum(process.cpu_times()[:2])
        asyncio.run(send(port, FLAT_OUT_BATCHES, None))
        cpu_seconds = sum(process.cpu_times()[:2]) - before
        paced = asyncio.run(send(port, int(per_second * seconds / BATCH_EVENTS), per_second))
        print(
            json.dumps(
                {
                    "cpu_us_per_event": round(cpu_seconds / FLAT_OUT_BATCHES / BATCH_EVENTS * 1e6, 1),
                    "events_per_second_a_core": round(FLAT_OUT_BATCHES * BATCH_EVENTS / cpu_seconds),
                    "events_per_second": per_second,
                    "p50_ms": round((quantile(paced, len(paced), 0.5) or 0) * 1000, 1),
                    "p99_ms": round((quantile(paced, len(paced), 0.99) or 0) * 1000, 1),
                    "rss_mb": round(process.memory_info().rss / 1e6),
                }
            )
        )


def role_process(folder: Path) -> psutil.Process:
    """The intake among what this process started."""
    for child in psutil.Process().children(recursive=True):
        line = child.cmdline()
        if "intake" in line and "guard.py" not in " ".join(line):
            return child
    raise RuntimeError(f"no intake runs; see {folder}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5_000.0, float(sys.argv[2]) if len(sys.argv) > 2 else 20.0)
