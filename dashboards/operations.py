"""Whether Heartline itself is well: throughput, latency, lag, recovery, dead letters, outbox. For who runs it."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from dashboards.style import BAD, GOOD, WARNING, dashboard, lines, number


def quantile(share: float, histogram: str, window: str = "5m") -> str:
    """A quantile over all instances of a histogram."""
    return f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket[{window}])))"


def operations() -> Dashboard:
    """The dashboard."""
    board = dashboard("operations", "operations", "Whether Heartline itself is well.", time_from="now-1h")
    _now(board)
    _worker(board)
    _state(board)
    _alerting(board)
    return board


def _now(board: Dashboard) -> None:
    board.with_row(Row("Now"))
    board.with_panel(
        number(
            "Behind",
            "Input records in Kafka that are not folded yet.",
            "sum(heartline_worker_lag_records)",
            "short",
            ((None, GOOD), (100_000, WARNING), (1_000_000, BAD)),
        )
    )
    board.with_panel(
        number(
            "Event to health, p99",
            "From the Kafka timestamp of the oldest record in a checkpoint to its commit.",
            quantile(0.99, "heartline_worker_publish_latency_seconds"),
            "s",
            ((None, GOOD), (5, WARNING), (30, BAD)),
        )
    )
    board.with_panel(
        number(
            "Event to delivery, p99",
            "From the oldest event's record on Kafka to the receiver's yes.",
            quantile(0.99, "heartline_ingested_to_delivered_seconds", "1h"),
            "s",
            ((None, GOOD), (10, WARNING), (60, BAD)),
        )
    )
    board.with_panel(
        number(
            "Not delivered yet",
            "Messages in the outbox.",
            "sum(heartline_outbox_depth)",
            "none",
            ((None, GOOD), (50, WARNING), (500, BAD)),
        )
    )
    board.with_panel(
        number(
            "Refused in an hour",
            "Input records that went to the dead letters, with their reason.",
            'sum(increase(heartline_worker_outcomes_total{outcome="dead_letter"}[1h])) or vector(0)',
            "none",
            ((None, GOOD), (1, WARNING), (1000, BAD)),
        ).decimals(0)
    )
    board.with_panel(
        number("Accounts", "Of all workers, in memory or on disk.", "sum(heartline_worker_accounts)", "short")
    )


def _worker(board: Dashboard) -> None:
    board.with_row(Row("Worker"))
    board.with_panel(
        lines(
            "Records folded",
            "Per second, by topic.",
            "rowsps",
            ("sum by (topic) (rate(heartline_worker_records_folded_total[1m]))", "{{topic}}"),
        )
    )
    board.with_panel(
        lines(
            "Lag",
            "Records in Kafka that are not folded yet, by topic.",
            "short",
            ("sum by (topic) (heartline_worker_lag_records)", "{{topic}}"),
        ).min(0)
    )
    board.with_panel(
        lines(
            "Event to health",
            "From the Kafka timestamp of the oldest record in a checkpoint to its commit.",
            "s",
            (quantile(0.5, "heartline_worker_publish_latency_seconds"), "p50"),
            (quantile(0.99, "heartline_worker_publish_latency_seconds"), "p99"),
        ).min(0)
    )
    board.with_panel(
        lines(
            "Checkpoints",
            "How long one partition's checkpoint takes, from evaluation to the accepted commit.",
            "s",
            (quantile(0.5, "heartline_worker_checkpoint_seconds"), "p50"),
            (quantile(0.99, "heartline_worker_checkpoint_seconds"), "p99"),
        ).min(0)
    )


def _state(board: Dashboard) -> None:
    board.with_row(Row("State and input"))
    board.with_panel(
        lines(
            "Refused, late, repeated",
            "Records a minute beside those folded: dead letters by reason; late, repartitioned, repeated by kind.",
            "none",
            ("sum by (outcome, label) (increase(heartline_worker_outcomes_total[1m]))", "{{outcome}} {{label}}"),
        )
    )
    board.with_panel(
        lines(
            "Accounts",
            "Known, kept as objects in memory, newer than the changelog, and waiting to be evaluated.",
            "short",
            ("sum(heartline_worker_accounts)", "known"),
            ("sum(heartline_worker_hot_accounts)", "hot"),
            ("sum(heartline_worker_dirty_accounts)", "dirty"),
            ("sum(heartline_worker_pending_accounts)", "to be evaluated"),
        ).min(0)
    )
    board.with_panel(
        lines(
            "Recovery",
            "Mean time from assignment to ready state, over the recoveries since the workers started.",
            "s",
            (
                "sum(heartline_worker_recovery_seconds_sum) / (sum(heartline_worker_recovery_seconds_count) > 0)",
                "mean",
            ),
        ).min(0)
    )
    board.with_panel(
        lines(
            "Watermark behind the wall clock",
            "How old the newest event is, on the partition that is furthest behind.",
            "s",
            ("time() - min(heartline_worker_watermark_timestamp_seconds)", "behind"),
        )
    )


def _alerting(board: Dashboard) -> None:
    board.with_row(Row("Alerting"))
    board.with_panel(
        lines(
            "Lag of alerting",
            "Health reports that are not evaluated yet.",
            "short",
            ("sum(heartline_alerting_lag_records)", "reports"),
            span=8,
        ).min(0)
    )
    board.with_panel(
        lines(
            "Outbox",
            "Messages not delivered yet, and given up.",
            "none",
            ("sum(heartline_outbox_depth)", "waiting"),
            ("sum(heartline_outbox_dead_letters)", "given up"),
            span=8,
        ).min(0)
    )
    board.with_panel(
        lines(
            "Oldest message",
            "Age of the oldest message that is not delivered yet.",
            "s",
            ("max(heartline_outbox_oldest_age_seconds)", "age"),
            span=8,
        ).min(0)
    )
    board.with_panel(
        lines(
            "Attempts to deliver",
            "A minute, by receiver and what came of them.",
            "none",
            ("sum by (receiver, outcome) (increase(heartline_notifications_total[1m]))", "{{receiver}} {{outcome}}"),
        )
    )
    board.with_panel(
        lines(
            "Event to alert, event to delivery",
            "p99 of five minutes and of an hour.",
            "s",
            (quantile(0.99, "heartline_report_to_alert_seconds"), "report to alert"),
            (quantile(0.99, "heartline_ingested_to_alert_seconds"), "event to alert"),
            (quantile(0.99, "heartline_ingested_to_delivered_seconds", "1h"), "event to delivery"),
        ).min(0)
    )
