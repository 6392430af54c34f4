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
    from heartline.alert_replay.summary import LabelSummary, PageSummary, RuleSummary
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
        typer.Option("--every", help="How often accounts are evaluated: at a day's end, or in every busy hour too."),
    ] = "day",
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="How many at most; one a core by default.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="FILE.csv",
            help="account_id, churned_at and, where it is known, observed_until: how pages stand to deaths.",
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Tell which alerts history would have raised under a configuration, before anybody is told of one.

    Events are folded and evaluated by the worker's own code, on the events' own clock, and go through the rules and the
    page budget. The CSV has the columns event, at, account_id, signals, channel, severity, score and reason: a row for
    each signal that fires, gets worse or is resolved, for each step of a red flag, and for each page and reminder. With
    --labels it also says how many deaths were a page before they were final, beside what randomly timed pages at the
    same rate would have reached. Silences, quiet hours and pipeline incidents are not replayed: they belong to the
    moment people read.

    [bold]Examples[/]

    \\b
    heartline alert replay events.jsonl.gz --out alerts.csv
    heartline alert replay usage.jsonl tickets.jsonl.zst --rules stricter.yaml --every hour
    """
    from heartline.alert_replay.history import replay_alerts
    from heartline.alert_replay.summary import read_labels, summarise, summarise_labels, summarise_pages, write_rows
    from heartline.jsonl import check_json_lines
    from heartline.snapshot import Summary, read_events

    for file in files:
        check_json_lines(file)
    settings, alerting = load_settings(config), _alerting(config, rules)
    known = read_labels(labels) if labels is not None else {}
    until_ms = {
        account: int(label.observed_until.timestamp() * 1000)
        for account, label in known.items()
        if label.observed_until is not None
    }
    started, summary = time.monotonic(), Summary()
    with progress_bar() as progress:
        events = read_events(files, settings, summary)
        history = replay_alerts(events, settings, alerting, every, progress, processes, until_ms)
    summary.accounts = len({event.account_id for _, event in events})
    if out is not None:
        write_rows(history.rows, out)
    for line in summary.errors:
        print(f"bad line  {line}", file=sys.stderr)
    found = summarise(history.rows, alerting.book.names, history.account_days)
    pages = summarise_pages(history.rows, history.account_days)
    of_labels = summarise_labels(history, known) if labels is not None else None
    seconds = time.monotonic() - started
    if as_json:
        _print_json(found, pages, of_labels, history, summary, out, seconds)
    else:
        _print_table(found, pages, of_labels, history, summary, out, seconds)


def _alerting(config: Path | None, rules: Path | None) -> "AlertingConfig":
    """The alerting configuration: the named one, else that of the settings, else the shipped one."""
    from alerts.config import read_config
    from consumers.alerting.settings import AlertingSettings
    from stream.config.settings import load

    return read_config(rules if rules is not None else load(AlertingSettings, config).alerting.config)


def _print_json(
    found: list["RuleSummary"],
    pages: "PageSummary",
    labels: "LabelSummary | None",
    history: "History",
    summary: "Summary",
    out: Path | None,
    seconds: float,
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
        "pages": asdict(pages),
        "labels": asdict(labels) if labels is not None else None,
        "out": str(out) if out is not None else None,
        "seconds": round(seconds, 3),
    }
    print(json.dumps(figures))


def _print_table(
    found: list["RuleSummary"],
    pages: "PageSummary",
    labels: "LabelSummary | None",
    history: "History",
    summary: "Summary",
    out: Path | None,
    seconds: float,
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("rule", no_wrap=True)
    for name in ("fired", "worse", "resolved", "accounts", "median days", "a month per account"):
        table.add_column(name, justify="right", no_wrap=True)
    for rule in found:
        table.add_row(
            rule.rule,
            f"{rule.fired:,}",
            f"{rule.worse:,}",
            f"{rule.resolved:,}",
            f"{rule.accounts:,}",
            "" if rule.median_days is None else f"{rule.median_days:,.1f}",
            "" if rule.per_account_month is None or rule.fired == 0 else f"{rule.per_account_month:.3f}",
            style="" if rule.fired > 0 else "dim",
        )
    Console(width=100 if not sys.stdout.isatty() else None).print(table)
    rate = pages.pages_per_account_year
    print(f"\nred flags {pages.red_flags:,}, pages {pages.pages:,}, reminders {pages.reminders:,}")
    if rate is not None:
        print(f"pages     {rate:.2f} an account-year, over {pages.account_years:,.1f} account-years")
    if labels is not None:
        for line in _label_lines(labels):
            print(line)
    print(f"\nfolded    {summary.events:,} events of {summary.accounts:,} accounts in {seconds:,.1f} s")
    print(f"bad       {summary.rejected:,} lines")
    print(f"evaluated {history.evaluations:,} times on {history.account_days:,} days of accounts")
    if out is not None:
        print(f"wrote     {len(history.rows):,} steps to {out}")


def _label_lines(labels: "LabelSummary") -> list[str]:
    """How pages stand to deaths, for people."""
    lines = [
        f"deaths    {labels.deaths:,}; {labels.pages_per_account_year:.2f} pages an account-year before death, over "
        f"{labels.account_years:,.1f} account-years"
    ]
    if labels.paged_before_final is not None and labels.chance_before_final is not None:
        lines.append(
            f"          {labels.paged_before_final:.0%} of them paged before they were final "
            f"(random pages at this rate: {labels.chance_before_final:.0%})"
        )
    if labels.paged_in_horizon is not None and labels.chance_in_horizon is not None:
        lines.append(
            f"          {labels.paged_in_horizon:.0%} of them paged within the last 180 days before "
            f"(random: {labels.chance_in_horizon:.0%})"
        )
    if labels.median_lead_days is not None:
        lines.append(f"          {labels.median_lead_days:,.0f} days from the last page to the death, at the median")
    if labels.page_precision is not None:
        lines.append(
            f"          {labels.page_precision:.1%} of the pages were followed by a death within 180 days "
            f"(any day: {labels.base_rate:.1%})"
        )
    return lines
