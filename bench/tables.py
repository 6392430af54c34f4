"""The worker over several shapes, one after another, and a table of it in docs/benchmarks.md.

    make bench-tables                   the first four: some ten minutes on a quiet machine with 2 cores
    python -m bench.tables --shape 2    that one anew; the others stay as they were measured
    python -m bench.tables --million    all six, a million accounts among them: a quarter of an hour more

What was measured is kept in bench/results/shapes.json, shape by shape, as soon as it is known: a run that is cut off
keeps what it has. A quiet machine, please: events a second and latencies depend on what else runs.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bench.page import hardware, write
from heartline.bench.progress import Progress
from heartline.bench.results import Results
from heartline.bench.run import DEFAULT_TIMEOUTS, Timeouts, bench
from heartline.bench.workload import Shape
from stream.contracts.errors import HeartlineError

KEPT = Path(__file__).parent / "results" / "shapes.json"
SHAPES = (
    Shape(1_000_000, 1_000, 50, "zipf"),
    Shape(1_000_000, 10_000, 50, "zipf"),
    Shape(1_000_000, 100_000, 50, "zipf"),
    Shape(1_000_000, 200_000, 5, "uniform"),
    Shape(2_000_000, 1_000_000, 5, "zipf"),
    Shape(3_000_000, 1_000_000, 5, "uniform"),
)
MILLION = 1_000_000
# A million accounts have more to wait for than a table is worth: what takes longer is reported as longer.
MILLION_TIMEOUTS = Timeouts(evaluation=100.0, idle=20.0, report=20.0)
PARTITIONS = 4


@dataclass(frozen=True)
class Measurement:
    """One shape, measured.

    Attributes:
        results: of the run.
        date: on which day, as 2026-03-02.
        load_average: of the machine at the end of the run, over its last minute.
    """

    results: Results
    date: str
    load_average: float


def name_of(shape: Shape | Results) -> str:
    """What a shape is called in the table and in the file."""
    return f"{shape.accounts:,} accounts, {shape.distribution}"


def read_kept(path: Path = KEPT) -> dict[str, Measurement]:
    """What was measured so far, by the shape's name; without shapes measured before there was one of the results."""
    if not path.exists():
        return {}
    kept = json.loads(path.read_text("utf-8"))
    names = {field.name for field in fields(Results)}
    return {
        name: Measurement(**each | {"results": Results(**each["results"])})
        for name, each in kept.items()
        if each["results"].keys() == names
    }


def keep(result: Measurement, path: Path = KEPT) -> dict[str, Measurement]:
    """Put a result beside the others, in the place of an earlier one of its shape; gives all of them."""
    kept = read_kept(path) | {name_of(result.results): result}
    whole = path.with_suffix(".new")
    whole.write_text(json.dumps({name: asdict(each) for name, each in kept.items()}, indent=2) + "\n", "utf-8")
    whole.replace(path)
    return kept


def seconds_cell(milliseconds: float | None, report_seconds: float) -> str:
    """A latency, or that it was longer than what was waited for it.

    >>> seconds_cell(1240.0, 60.0), seconds_cell(None, 60.0)
    ('1.2 s', '> 60 s')
    """
    return f"> {report_seconds:g} s" if milliseconds is None else f"{milliseconds / 1000:.1f} s"


def latency_row(prefix: str) -> Callable[[Results], str]:
    """The median and the 99th percentile of the results that begin so."""

    def cell(results: Results) -> str:
        values = (getattr(results, f"{prefix}_{quantile}_ms") for quantile in ("p50", "p99"))
        return " / ".join(seconds_cell(value, results.report_seconds) for value in values)

    return cell


def cost_cell(results: Results) -> str:
    """Processor time an event; where not all was evaluated in time, that it is more."""
    if results.pending_accounts == 0:
        return f"{results.cpu_us_per_event:.1f}"
    return f"> {results.cpu_us_per_event:.1f}, {results.pending_accounts:,} accounts not yet evaluated"


ROWS: dict[str, Callable[[Results], str]] = {
    "events": lambda each: f"{each.events:,}",
    "users an account": lambda each: f"{each.users_per_account}",
    "µs of CPU an event, folded and committed": lambda each: f"{each.folded_cpu_us_per_event:.1f}",
    "the same, all accounts evaluated and published": cost_cell,
    "events a second": lambda each: f"{each.events_per_second:,}",
    "peak MiB": lambda each: f"{each.peak_rss_mb:,.0f}",
    "recovery, cold / warm, seconds": lambda each: f"{each.recovery_seconds:.2f} / {each.recovery_warm_seconds:.2f}",
    "half load, events a second": lambda each: f"{each.half_load_events_per_second:,.0f}",
    "half load: first report of a new account, p50 / p99": latency_row("publish_latency"),
    "half load: answer or ticket, p50 / p99": latency_row("high_priority_latency"),
    "half load: first usage of the day, p50 / p99": latency_row("first_daily_usage_latency"),
    "half load: further usage that moves the score, p50 / p99": latency_row("repeat_usage_latency"),
    "a tenth: first report of a new account, p50 / p99": latency_row("publish_latency_tenth"),
    "a tenth: answer or ticket, p50 / p99": latency_row("high_priority_latency_tenth"),
    "a tenth: first usage of the day, p50 / p99": latency_row("first_daily_usage_latency_tenth"),
    "a tenth: further usage that moves the score, p50 / p99": latency_row("repeat_usage_latency_tenth"),
}


def table(kept: Mapping[str, Measurement]) -> str:
    """A column for each shape that was measured, in their order."""
    measured = [kept[name_of(shape)] for shape in SHAPES if name_of(shape) in kept]
    lines = [f"| | {' | '.join(name_of(each.results) for each in measured)} |", f"|---|{'---|' * len(measured)}"]
    for name, cell in ROWS.items():
        lines.append(f"| {name} | {' | '.join(cell(each.results) for each in measured)} |")
    ends = (f"{each.date}, {each.load_average:.1f}" for each in measured)
    lines.append(f"| measured, load average at the end | {' | '.join(ends)} |")
    return "\n".join([*lines, "", f"{hardware(measured[-1].results.kafka_version)}."])


def chosen(numbers: Sequence[int], *, million: bool) -> list[Shape]:
    """The shapes of some numbers, which begin with 1; without numbers all, those of a million only if asked for."""
    if numbers:
        return [SHAPES[number - 1] for number in numbers]
    return [shape for shape in SHAPES if million or shape.accounts < MILLION]


def measure(shape: Shape, progress: Progress) -> Measurement:
    """One run.

    Raises:
        HeartlineError: it has no results.
    """
    timeouts = MILLION_TIMEOUTS if shape.accounts >= MILLION else DEFAULT_TIMEOUTS
    results = bench(shape, PARTITIONS, False, progress, timeouts)
    return Measurement(results, time.strftime("%Y-%m-%d"), round(os.getloadavg()[0], 1))


def main() -> None:
    """One run of each shape; each is kept and written before the next one begins."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", action="store_true", help="with a million accounts, too")
    listed = "; ".join(f"{number}: {name_of(shape)}" for number, shape in enumerate(SHAPES, 1))
    numbers = range(1, len(SHAPES) + 1)
    parser.add_argument("--shape", type=int, action="append", default=[], choices=numbers, help=f"only this: {listed}")
    parser.add_argument("--no-write", action="store_true", help="keep nothing, print the results only")
    options = parser.parse_args()
    failed = []
    with Progress() as progress:
        for shape in chosen(options.shape, million=options.million):
            progress.note(name_of(shape))
            try:
                result = measure(shape, progress)
            except HeartlineError as error:
                progress.note(f"{name_of(shape)}: {error}\nThe other shapes go on.")
                failed.append(name_of(shape))
                continue
            print(json.dumps(asdict(result.results)), flush=True)
            if not options.no_write:
                write("tables", table(keep(result)))
    if failed:
        sys.exit(f"no results of {'; '.join(failed)}: see above")


if __name__ == "__main__":
    main()
