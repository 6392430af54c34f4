"""`heartline backtest`: how well the score tells which accounts leave, on one's own history."""

import json
import re
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from heartline.cli.options import Config, Files, Json, load_settings
from heartline.cli.progress import progress_bar

if TYPE_CHECKING:
    from heartline.backtest.pages import PageRule
    from heartline.backtest.run import History
    from heartline.backtest.study import Study
    from stream.config.settings import Settings
    from stream.scoring.scorecard import Scorecards

_DAYS: Final = re.compile(r"(\d{1,4})d?")
_HORIZON_DAYS_MAX: Final = 1000

Churned = Annotated[
    Path | None,
    typer.Option(
        "--churned",
        metavar="CSV",
        help="Churn dates: columns account_id, churned_at (empty: retained) and, if known, observed_until.",
    ),
]
FromLedger = Annotated[
    bool,
    typer.Option("--from-ledger", help="Churn is the day on which an account's last paid subscription ended."),
]
Horizon = Annotated[
    str, typer.Option("--horizon", metavar="DAYS", help="How far before a churn a low score counts, as 180d.")
]


def backtest(
    files: Files,
    churned: Churned = None,
    from_ledger: FromLedger = False,
    scorecard: Annotated[
        list[Path] | None,
        typer.Option(
            "--scorecard",
            metavar="FILE.yaml",
            help="Scorecards to measure, repeatable; without it those of the settings.",
        ),
    ] = None,
    horizon: Horizon = "180d",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.html", help="Write the report with curves and charts.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Measure how well the score tells which accounts leave, on your own history.

    History is replayed through the worker's own fold; at each month-end it is asked whether the accounts that churned
    within the horizon had the lower scores. Beside the scorecards stand five baselines that need no product, and beside
    the pages what randomly timed ones would reach. Nothing leaves the machine.

    [bold]Examples[/]

    \b
    heartline backtest events.jsonl.gz --churned churned.csv --out backtest.html
    heartline backtest events.jsonl.gz --from-ledger --scorecard old.yaml --scorecard new.yaml --horizon 90d
    """
    need_extra("backtest")
    from heartline.backtest.run import replay
    from heartline.backtest.study import study
    from heartline.jsonl import check_json_lines

    check_labels("backtest", churned, from_ledger)
    days = horizon_days(horizon)
    settings = load_settings(config)
    cards, page_rule = _named(scorecard, settings), _page_rule(config)
    for file in files:
        check_json_lines(file)
    started = time.monotonic()
    with progress_bar() as progress:
        history = replay(files, churned, cards, settings, progress)
        progress(0, 1, "measuring")
        found, _ = study(history.accounts, list(cards), days, page_rule)
    if out is not None:
        _write(found, history, out)
    report_problems(history)
    seconds = time.monotonic() - started
    if as_json:
        print(json.dumps(_as_json(found, history, out, seconds)))
    else:
        _print(found, history, out, seconds)


def need_extra(command: str) -> None:
    """Say what to install where the statistics' libraries are missing.

    Raises:
        ConfigError: they are.
    """
    from importlib.util import find_spec

    from stream.contracts.errors import ConfigError

    missing = [name for name in ("numpy", "scipy", "sklearn") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"{command}: {', '.join(missing)} can't be imported; install them by pip install 'heartline[calibrate]'"
        )


def check_labels(command: str, churned: Path | None, from_ledger: bool) -> None:
    """Exactly one source of churn dates.

    Raises:
        ConfigError: there is none, or there are two.
    """
    from stream.contracts.errors import ConfigError

    if (churned is not None) == from_ledger:
        raise ConfigError(
            f"{command}: give either --churned CSV, with the days on which accounts churned, or --from-ledger, which"
            " takes them from the subscription events"
        )


def horizon_days(text: str) -> int:
    """A number of days, from `180d` or `180`.

    Raises:
        ConfigError: it is none from 7 to 1000.
    """
    from stream.contracts.errors import ConfigError

    match = _DAYS.fullmatch(text.strip())
    if match is None or not 7 <= int(match[1]) <= _HORIZON_DAYS_MAX:
        raise ConfigError(f"--horizon {text}: expected days from 7 to {_HORIZON_DAYS_MAX}, as 180d")
    return int(match[1])


def _page_rule(config: Path | None) -> "PageRule":
    """When a low score pages, by the alerting configuration of the settings, else the shipped one."""
    from alerts.config import read_config
    from alerts.rules.score import ScoreLow
    from consumers.alerting.settings import AlertingSettings
    from heartline.backtest.pages import PageRule
    from stream.config.settings import load

    alerting = read_config(load(AlertingSettings, config).alerting.config)
    low = next(rule for rule in alerting.rules.all() if isinstance(rule, ScoreLow))
    quiet_days = round(alerting.lifecycle.pages.score_every_days)
    return PageRule(low.page_below, low.page_closes, low.critical_below, quiet_days)


def _named(files: list[Path] | None, settings: "Settings") -> "dict[str, Scorecards]":
    """The scorecards by a name: that of the card for all, with the file's where two are alike."""
    from heartline.snapshot import scorecards_of
    from stream.scoring.scorecard_yaml import read_scorecards

    if not files:
        cards = scorecards_of(settings)
        return {cards.cards[-1].name: cards}
    found: dict[str, Scorecards] = {}
    for path in files:
        cards = read_scorecards(path)
        name = cards.cards[-1].name
        found[f"{name} ({path.name})" if name in found else name] = cards
    return found


def report_problems(history: "History") -> None:
    """What was left out, on stderr."""
    shown = 20
    for line in history.summary.errors:
        print(f"bad line  {line}", file=sys.stderr)
    if history.summary.rejected > len(history.summary.errors):
        more = history.summary.rejected - len(history.summary.errors)
        print(f"bad line  ... and {more:,} more", file=sys.stderr)
    problems = history.labels.problems
    for line in problems[:shown]:
        print(f"bad label {line}", file=sys.stderr)
    if len(problems) > shown:
        print(f"bad label ... and {len(problems) - shown:,} more", file=sys.stderr)


def _write(found: "Study", history: "History", out: Path) -> None:
    from datetime import UTC, datetime

    from heartline.backtest.page import page
    from heartline.errors import writing

    with writing(out, "--out"):
        out.write_text(page(found, history, datetime.now(UTC)), "utf-8")


def _as_json(found: "Study", history: "History", out: Path | None, seconds: float) -> dict[str, Any]:
    """The figures for programs: everything but the curves."""
    from heartline.backtest.conclusion import conclusion

    figures = asdict(found)
    for predictor in [*(card["predictor"] for card in figures["scorecards"]), *figures["baselines"]]:
        del predictor["roc"], predictor["precision_recall"]
    for card, known in zip(figures["scorecards"], found.scorecards, strict=True):
        del card["right_share"], card["pages"]["lead_days"]
        card["pages"] |= {
            "pages_an_account_year": known.pages.pages_an_account_year,
            "recall": known.pages.recall,
            "precision": known.pages.precision,
            "median_lead_days": known.pages.median_lead_days,
        }
    summary: dict[str, Any] = as_objects(figures)
    return summary | {
        "base_rate": found.base_rate,
        "conclusion": " ".join(conclusion(found)),
        "bad_lines": history.summary.rejected,
        "bad_labels": history.labels.problems,
        "left_out": sorted(history.labels.left_out),
        "out": str(out) if out is not None else None,
        "seconds": round(seconds, 3),
    }


def as_objects(found: Any) -> Any:
    """Figures with their named tuples as JSON objects.

    >>> from heartline.backtest.statistics import Estimate, Interval
    >>> as_objects({"risk": [Estimate(0.5, Interval(0.4, 0.6))]})
    {'risk': [{'value': 0.5, 'interval': {'low': 0.4, 'high': 0.6}}]}
    """
    if isinstance(found, dict):
        return {name: as_objects(value) for name, value in found.items()}
    if isinstance(found, tuple) and hasattr(found, "_asdict"):
        return as_objects(found._asdict())
    return [as_objects(value) for value in found] if isinstance(found, list | tuple) else found


def _print(found: "Study", history: "History", out: Path | None, seconds: float) -> None:
    from rich.console import Console

    from heartline.backtest.conclusion import conclusion
    from heartline.backtest.tables import band_table, page_table, predictor_table

    console = Console(width=110 if not sys.stdout.isatty() else None, highlight=False)
    print(
        f"{history.summary.events:,} events of {found.accounts:,} accounts, {found.churned} churned; "
        f"{found.landmarks:,} month-ends, {found.events} of them within {found.horizon_days} days before a churn "
        f"of {found.churned_accounts} accounts\n"
    )
    if found.is_large_enough:
        console.print(predictor_table(found))
        print()
    console.print(band_table(found))
    print()
    console.print(page_table(found))
    print()
    console.print(" ".join(conclusion(found)))
    print(f"\nbad       {history.summary.rejected:,} lines, {len(history.labels.problems):,} churn dates")
    print(f"left out  {len(history.labels.left_out):,} accounts")
    print(f"took      {seconds:,.1f} s")
    if out is not None:
        print(f"wrote     {out}")
