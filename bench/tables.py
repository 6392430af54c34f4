"""The worker over several shapes, one after another, and a table of it in docs/benchmarks.md.

    make bench-tables               about ten minutes on a quiet machine with 2 cores
    python -m bench.tables --million    with a million accounts too: some twenty minutes more

A quiet machine, please: events a second and latencies depend on what else runs.
"""

import argparse

from bench.page import machine, write
from heartline.bench.progress import Progress
from heartline.bench.run import Figures, bench
from heartline.bench.workload import Shape

SHAPES = (
    Shape(1_000_000, 1_000, 50, "zipf"),
    Shape(1_000_000, 10_000, 50, "zipf"),
    Shape(1_000_000, 100_000, 50, "zipf"),
    Shape(1_000_000, 200_000, 5, "uniform"),
)
MILLION = (Shape(5_000_000, 1_000_000, 5, "zipf"), Shape(5_000_000, 1_000_000, 5, "uniform"))
PARTITIONS = 4


def table(results: list[Figures]) -> str:
    """A column for each shape."""
    rows = {
        "events": [f"{each.events:,}" for each in results],
        "users an account": [f"{each.users_per_account}" for each in results],
        "µs of processor time an event, all in": [f"{each.cpu_us_per_event:.1f}" for each in results],
        "events a second": [f"{each.events_per_second:,}" for each in results],
        "changelog records": [f"{each.changelog_records:,}" for each in results],
        "peak MiB": [f"{each.peak_rss_mb:,.0f}" for each in results],
        "recovery, cold, seconds": [f"{each.recovery_seconds:.2f}" for each in results],
        "recovery, warm, seconds": [f"{each.recovery_warm_seconds:.2f}" for each in results],
        "latency at half load, p50 / p99": [
            f"{each.publish_latency_p50_ms / 1000:.1f} s / {each.publish_latency_p99_ms / 1000:.1f} s"
            for each in results
        ],
        "latency at a tenth, p50 / p99": [
            f"{each.publish_latency_tenth_p50_ms / 1000:.1f} s / {each.publish_latency_tenth_p99_ms / 1000:.1f} s"
            for each in results
        ],
    }
    heads = [f"{each.accounts:,} accounts, {each.distribution}" for each in results]
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---|' * len(results)}"]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()]
    return "\n".join([*lines, "", machine(results[0].kafka_version)])


def main() -> None:
    """One run of each shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", action="store_true", help="with a million accounts, too")
    parser.add_argument("--no-write", action="store_true", help="print the table only")
    options = parser.parse_args()
    with Progress() as progress:
        shapes = (*SHAPES, *MILLION) if options.million else SHAPES
        text = table([bench(shape, PARTITIONS, False, progress) for shape in shapes])
    print(text)
    if not options.no_write:
        write("tables", text)


if __name__ == "__main__":
    main()
