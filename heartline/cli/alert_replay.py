"""`heartline alert replay`: which alerts history would have raised under a configuration, without Kafka."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from heartline.cli.options import Config, Files, Json, load_settings
from heartline.cli.progress import progress_bar

if TYPE_CHECKING:
    from alerts.config import AlertingConfig
    from heartline.alert_replay.history import History
    from heartline.alert_replay.summary import RuleSummary
    from heartline.snapshot import Summary


def replay(
    files: Files,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.csv", help="Every step as a CSV; replaced when it is there.")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FILE", help="The alerting configuration; wins over alerting.config."),
    ] = None,
    every: Annotated[
        Literal["hour", "day"],
        typer.Option("--every", help="How often accounts are judged: at each day's end, or also in every busy hour."),
    ] = "day",
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="How many at most; one a core by default.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Tell which alerts history would have raised under a configuration, before anybody is told of one.

    Events are folded and judged by the worker's own code, on the events' own clock, and go through the rules and the
    lifecycle. The CSV has a row for each step: event (opened, updated, resolved), at, account_id, rule, severity,
    score, reason. Silences, quiet hours and doubt in the data are not replayed: they belong to the moment people read.

    [bold]Examples[/]

    \\b
    heartline alert replay events.jsonl.gz --out alerts.csv
    heartline alert replay usage.jsonl tickets.jsonl.zst --rules stricter.yaml --every hour
    """
    from heartline.alert_replay.history import replay_alerts
    from heartline.alert_replay.summary import summarise, write_rows
    from heartline.jsonl import check_readable
    from heartline.snapshot import Summary, read_events

    for file in files:
        check_readable(file)
    settings, alerting = load_settings(config), _alerting(config, rules)
    started, summary = time.monotonic(), Summary()
    with progress_bar() as progress:
        events = read_events(files, settings, summary)
        history = replay_alerts(events, settings, alerting, every, progress, processes)
    summary.accounts = len({event.account_id for _, event in events})
    if out is not None:
        write_rows(history.rows, out)
    for line in summary.errors:
        print(f"bad line  {line}", file=sys.stderr)
    found = summarise(history.rows, alerting.book.names, history.account_days)
    seconds = time.monotonic() - started
    if as_json:
        _print_json(found, history, summary, out, seconds)
    else:
        _print_table(found, history, summary, out, seconds)


def _alerting(config: Path | None, rules: Path | None) -> "AlertingConfig":
    """The alerting configuration: the named one, else that of the settings, else the shipped one."""
    from alerts.config import read_config
    from consumers.alerting.settings import AlertingSettings
    from stream.config.settings import load

    return read_config(rules if rules is not None else load(AlertingSettings, config).alerting.config)


def _print_json(
    found: list["RuleSummary"], history: "History", summary: "Summary", out: Path | None, seconds: float
) -> None:
    from dataclasses import asdict

    figures = {
        "events": summary.events,
        "bad": summary.rejected,
        "accounts": summary.accounts,
        "account_days": history.account_days,
        "evaluations": history.evaluations,
        "steps": len(history.rows),
        "rules": [asdict(rule) for rule in found],
        "out": str(out) if out is not None else None,
        "seconds": round(seconds, 3),
    }
    print(json.dumps(figures))


def _print_table(
    found: list["RuleSummary"], history: "History", summary: "Summary", out: Path | None, seconds: float
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("rule", no_wrap=True)
    for name in ("opened", "worse", "resolved", "accounts", "median days", "a month per account"):
        table.add_column(name, justify="right", no_wrap=True)
    for rule in found:
        table.add_row(
            rule.rule,
            f"{rule.opened:,}",
            f"{rule.updated:,}",
            f"{rule.resolved:,}",
            f"{rule.accounts:,}",
            "" if rule.median_days is None else f"{rule.median_days:,.1f}",
            "" if rule.per_account_month is None or rule.opened == 0 else f"{rule.per_account_month:.3f}",
            style="" if rule.opened > 0 else "dim",
        )
    Console(width=100 if not sys.stdout.isatty() else None).print(table)
    print(f"\nfolded    {summary.events:,} events of {summary.accounts:,} accounts in {seconds:,.1f} s")
    print(f"bad       {summary.rejected:,} lines")
    print(f"evaluated {history.evaluations:,} times on {history.account_days:,} days of accounts")
    if out is not None:
        print(f"wrote     {len(history.rows):,} steps to {out}")
