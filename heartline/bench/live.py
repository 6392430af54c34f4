"""Live load: some seconds of it at a pace, and how soon the reports of its probes were there."""

import asyncio
from dataclasses import dataclass
from typing import Final

from heartline.bench.environment import Environment
from heartline.bench.latency import Watcher, quantile
from heartline.bench.probes import NEW_COUNTS, ProbeKind, history, known_counts, known_id
from heartline.bench.progress import Progress
from heartline.bench.sending import Paced, send_all, send_paced
from heartline.bench.verify import Counts
from heartline.bench.workload import Workload

PACED_SECONDS: Final = 8.0


@dataclass(frozen=True)
class Live:
    """Some seconds of live load.

    Attributes:
        paced: what was sent.
        latencies_ms: by account, how long a probe's report took; without those that had not come in time.
    """

    paced: Paced
    latencies_ms: dict[str, float]

    def quantile_ms(self, kind: ProbeKind, share: float) -> float | None:
        """Of the probes of one kind; None: longer than was waited."""
        probes = [probe.account_id for probe in self.paced.probes if probe.kind == kind]
        found = quantile([self.latencies_ms[each] for each in probes if each in self.latencies_ms], len(probes), share)
        return None if found is None else round(found, 1)


async def prepare(environment: Environment, known: range, end_ms: int) -> int:
    """Send what the known accounts are known by; returns how many events that is."""
    records = (record for number in known for record in history(number, end_ms))
    return await send_all(environment.kafka, records, lambda _: None)


async def run_live(
    environment: Environment, workload: Workload, progress: Progress, pace: float, known: range, report_seconds: float
) -> Live:
    """Live load at that many events a second; its new accounts are numbered by the events that were sent before."""
    progress.step(f"live for {PACED_SECONDS:g} s, {pace:,.0f} events/s")
    with Watcher(environment.kafka) as watcher:
        first = workload.tally.total
        paced = await send_paced(environment.kafka, workload, pace, PACED_SECONDS, first, known)
        latencies = await asyncio.to_thread(watcher.latencies_ms, paced.probes, report_seconds)
    _note_pace(progress, pace, paced)
    missing = len(paced.probes) - len(latencies)
    if missing > 0:
        progress.note(f"{missing:,} of {len(paced.probes):,} probes had no report within {report_seconds:g} s")
    return Live(paced, latencies)


def probed(known: range, live: list[Live]) -> dict[str, Counts]:
    """What every account of a probe was sent."""
    probes = [probe for each in live for probe in each.paced.probes]
    probed_ids = {probe.account_id for probe in probes}
    counts = {known_id(number): known_counts(number, probed=known_id(number) in probed_ids) for number in known}
    return counts | {probe.account_id: NEW_COUNTS for probe in probes if probe.kind == "new"}


def _note_pace(progress: Progress, wanted: float, paced: Paced) -> None:
    """Say so where the sender itself was too slow for the pace."""
    if paced.per_second < 0.95 * wanted:
        progress.note(
            f"the live load was {paced.per_second:,.0f} events/s, not {wanted:,.0f}: the sender shares the machine"
        )
