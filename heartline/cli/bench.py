"""`heartline bench`: how fast the worker is on this machine."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from heartline.cli.options import Json

if TYPE_CHECKING:
    from heartline.bench.results import Results


def bench(
    events: Annotated[int, typer.Option("--events", min=1_000, help="How many events to fold.")] = 1_000_000,
    accounts: Annotated[int, typer.Option("--accounts", min=1, help="How many accounts they are of.")] = 10_000,
    users_per_account: Annotated[
        int, typer.Option("--users-per-account", min=1, help="How many users each of them has.")
    ] = 50,
    distribution: Annotated[
        Literal["zipf", "uniform"],
        typer.Option(
            help="Over accounts. zipf: a few make most of the events; uniform: nearly every one hits another."
        ),
    ] = "zipf",
    partitions: Annotated[int, typer.Option("--partitions", min=1, max=1000, help="Of every topic.")] = 4,
    compare: Annotated[
        Literal["stock"] | None, typer.Option("--compare", help="Also run the same job on stock Faust.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the worker on this machine: what an event costs, how fast it recovers, how soon a report is there.

    [bold]What happens[/]

    Topics are filled: 95 % usage, 4 % tickets, 1 % survey answers, keyed by account (murmur2). One worker process
    starts and works all of it off; it is stopped, started again cold and warm, and gets events at a tenth and at half
    of the pace that it just showed. At the end the state of every account is compared with what was sent to it: when a
    single event was lost or counted twice the status is 1 and there are no results.

    It uses an embedded Apache Kafka, or the one that KAFKA_BOOTSTRAP_SERVERS names, with topics of its own that it
    deletes again. Worker and broker share the machine with whatever else runs: processor time an event is the figure
    that travels, events a second is not.

    [bold]What is counted[/]

    \b
    cpu_us_per_event     user + system of the worker, from ready to its last
                         commit: fetch, fold, evaluate, encode, transactions
    folded_cpu_us_...    the same until the last event is folded and committed
    pending_accounts     not evaluated in time: the cost is without them
    events_per_second    from ready until the last event is folded
    recovery_seconds     a cold start's, reading the whole changelog
    recovery_warm_...    a start's that has its state stores

    \b
    From producer to committed report, at half of the pace of the whole and at
    a tenth; null: longer than report_seconds:
    publish_latency_*              of new accounts
    high_priority_latency_*        of known accounts' answers and tickets
    first_daily_usage_latency_*    of their first usage of a day
    repeat_usage_latency_*         of further usage that moves the score

    \b
    --compare stock      decode, fold, encode and one table write an event,
                         into states of the same size, without evaluation
    ratio                of processor time an event, stock Faust to worker

    [bold]Examples[/]

    \b
    heartline bench
    heartline bench --events 200000 --compare stock
    heartline bench --events 5000000 --accounts 1000000 --users-per-account 5 --distribution uniform
    heartline bench --json | tail -1 | jq .cpu_us_per_event
    """
    from heartline.bench.progress import Progress
    from heartline.bench.run import bench as run
    from heartline.bench.workload import Shape

    shape = Shape(events, accounts, users_per_account, distribution)
    with Progress() as progress:
        results = run(shape, partitions, compare == "stock", progress)
    _report(results, as_json)


def _report(results: "Results", as_json: bool) -> None:
    """One JSON object, or a line a figure."""
    from dataclasses import asdict

    values = asdict(results)
    if as_json:
        print(json.dumps(values))
        return
    for name, value in values.items():
        shown = "none" if value is None else f"{value:,}" if isinstance(value, (int, float)) else value
        print(f"{name:<26} {shown}")
    sys.stdout.flush()
