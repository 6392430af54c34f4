"""What a run found out, as it is told."""

import platform
from dataclasses import asdict, dataclass

from heartline.bench.compare import StockCost
from heartline.bench.environment import Environment
from heartline.bench.live import Live
from heartline.bench.worker_process import Cost
from heartline.bench.workload import Shape


@dataclass(frozen=True)
class Results:
    """What a run found out.

    Attributes:
        events_per_second: of one worker over a backlog, on the wall clock, from ready until the last event is folded
            and committed.
        folded_cpu_us_per_event: user and system time of the worker's process for the same: fetch, decode, fold, and
            states and offsets committed; what it evaluates by then is in.
        cpu_us_per_event: user and system time of the worker's process, from ready to the last commit, when every
            account is evaluated.
        pending_accounts: that were not evaluated or saved within the timeout, so that cpu_us_per_event is
            without them; 0: all were.
        changelog_records: written for that backlog.
        peak_rss_mb: the most memory resident in that process.
        recovery_seconds: a cold start's, from assignment to ready state, over the whole changelog.
        recovery_warm_seconds: of a start with the state stores that a clean stop left.
        publish_latency_p50_ms, publish_latency_p99_ms: from handing an event to the producer to seeing its committed
            report, with events coming at half of the pace at which the backlog was folded, evaluated and committed; of
            events of new accounts. None, here and below: longer than report_seconds.
        publish_latency_tenth_p50_ms, publish_latency_tenth_p99_ms: the same at a tenth.
        high_priority_latency_..._ms: the same of known accounts, of an answer or a ticket that moves the score by
            more than a point.
        first_daily_usage_latency_..._ms: the same of known accounts, of the first usage of a day.
        repeat_usage_latency_..._ms: the same of known accounts, of further usage of a day, which moves the score
            by more than a point.
        half_load_events_per_second: what came at half load.
        report_seconds: how long was waited for the reports after the last event.
        events, accounts, users_per_account, distribution: the shape of the backlog.
        partitions: of every topic.
        kafka_version: None where a given broker does not say.
        python_version: of this process and the worker.
    """

    events_per_second: float
    folded_cpu_us_per_event: float
    cpu_us_per_event: float
    pending_accounts: int
    changelog_records: int
    peak_rss_mb: float
    recovery_seconds: float
    recovery_warm_seconds: float
    publish_latency_p50_ms: float | None
    publish_latency_p99_ms: float | None
    publish_latency_tenth_p50_ms: float | None
    publish_latency_tenth_p99_ms: float | None
    high_priority_latency_p50_ms: float | None
    high_priority_latency_p99_ms: float | None
    high_priority_latency_tenth_p50_ms: float | None
    high_priority_latency_tenth_p99_ms: float | None
    first_daily_usage_latency_p50_ms: float | None
    first_daily_usage_latency_p99_ms: float | None
    first_daily_usage_latency_tenth_p50_ms: float | None
    first_daily_usage_latency_tenth_p99_ms: float | None
    repeat_usage_latency_p50_ms: float | None
    repeat_usage_latency_p99_ms: float | None
    repeat_usage_latency_tenth_p50_ms: float | None
    repeat_usage_latency_tenth_p99_ms: float | None
    half_load_events_per_second: float
    report_seconds: float
    events: int
    accounts: int
    users_per_account: int
    distribution: str
    partitions: int
    kafka_version: str | None
    python_version: str


@dataclass(frozen=True)
class ComparedResults(Results):
    """The same beside stock Faust.

    Attributes:
        stock_events_per_second, stock_cpu_us_per_event: of stock Faust, from its first to its last event.
        ratio: how many times more processor time stock Faust takes for an event.
    """

    stock_events_per_second: float
    stock_cpu_us_per_event: float
    ratio: float


def results_of(
    environment: Environment,
    shape: Shape,
    cost: Cost,
    peak_rss_mb: float,
    recoveries: tuple[float, float],
    live: list[Live],
    report_seconds: float,
) -> Results:
    """What was measured, rounded to what it is worth.

    Args:
        environment: where.
        shape: the sizes of the backlog.
        cost: of the backlog.
        peak_rss_mb: of all steps.
        recoveries: seconds, cold and warm.
        live: at a tenth of the backlog's pace, evaluation included, and at half of it.
        report_seconds: how long the reports of live load were waited for.
    """
    tenth, half = live
    return Results(
        events_per_second=round(shape.events / cost.seconds),
        folded_cpu_us_per_event=round(cost.folding_cpu_seconds / shape.events * 1e6, 2),
        cpu_us_per_event=round(cost.cpu_seconds / shape.events * 1e6, 2),
        pending_accounts=cost.pending_accounts,
        changelog_records=cost.changelog_records,
        peak_rss_mb=round(peak_rss_mb, 1),
        recovery_seconds=round(recoveries[0], 3),
        recovery_warm_seconds=round(recoveries[1], 3),
        publish_latency_p50_ms=half.quantile_ms("new", 0.5),
        publish_latency_p99_ms=half.quantile_ms("new", 0.99),
        publish_latency_tenth_p50_ms=tenth.quantile_ms("new", 0.5),
        publish_latency_tenth_p99_ms=tenth.quantile_ms("new", 0.99),
        high_priority_latency_p50_ms=half.quantile_ms("high_priority", 0.5),
        high_priority_latency_p99_ms=half.quantile_ms("high_priority", 0.99),
        high_priority_latency_tenth_p50_ms=tenth.quantile_ms("high_priority", 0.5),
        high_priority_latency_tenth_p99_ms=tenth.quantile_ms("high_priority", 0.99),
        first_daily_usage_latency_p50_ms=half.quantile_ms("first_daily_usage", 0.5),
        first_daily_usage_latency_p99_ms=half.quantile_ms("first_daily_usage", 0.99),
        first_daily_usage_latency_tenth_p50_ms=tenth.quantile_ms("first_daily_usage", 0.5),
        first_daily_usage_latency_tenth_p99_ms=tenth.quantile_ms("first_daily_usage", 0.99),
        repeat_usage_latency_p50_ms=half.quantile_ms("repeat_usage", 0.5),
        repeat_usage_latency_p99_ms=half.quantile_ms("repeat_usage", 0.99),
        repeat_usage_latency_tenth_p50_ms=tenth.quantile_ms("repeat_usage", 0.5),
        repeat_usage_latency_tenth_p99_ms=tenth.quantile_ms("repeat_usage", 0.99),
        half_load_events_per_second=round(half.paced.per_second),
        report_seconds=report_seconds,
        events=shape.events,
        accounts=shape.accounts,
        users_per_account=shape.users_per_account,
        distribution=shape.distribution,
        partitions=environment.kafka.partitions,
        kafka_version=environment.kafka_version,
        python_version=platform.python_version(),
    )


def with_stock_faust(results: Results, stock: StockCost) -> ComparedResults:
    """The same with what stock Faust needed beside it."""
    cpu_us = stock.cpu_seconds / stock.events * 1e6
    return ComparedResults(
        **asdict(results),
        stock_events_per_second=round(stock.events / stock.seconds),
        stock_cpu_us_per_event=round(cpu_us, 1),
        ratio=round(cpu_us / results.cpu_us_per_event, 1),
    )
