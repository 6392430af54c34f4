"""`heartline calibrate`: a scorecard fitted to one's own history."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heartline.cli.backtest import (
    Churned,
    FromLedger,
    Horizon,
    as_objects,
    check_labels,
    horizon_days,
    need_extra,
    report_problems,
)
from heartline.cli.options import Config, Files, Json, load_settings
from heartline.cli.progress import progress_bar

if TYPE_CHECKING:
    from heartline.calibrate.proposal import Proposal


def calibrate(
    files: Files,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.yaml", help="The scorecard to write; replaced when it is there.")
    ],
    churned: Churned = None,
    from_ledger: FromLedger = False,
    scorecard: Annotated[
        Path | None,
        typer.Option(
            "--scorecard",
            metavar="FILE.yaml",
            help="The scorecards to begin with, of which the one for all is fitted; without it those of the settings.",
        ),
    ] = None,
    horizon: Horizon = "180d",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Propose a scorecard fitted to your own history: weights, curves, bands, and at most two new lines.

    It stays as close to the scorecard it began with as the data allow, its curves never say that more of a good thing
    is worse, and it is measured on accounts and at times that it was not fitted on; these figures stand in the file's
    header. With too few churned accounts nothing is moved, and the file says so. Nothing leaves the machine.

    [bold]Examples[/]

    \b
    heartline calibrate events.jsonl.gz --churned churned.csv --out scorecards.yaml
    heartline calibrate events.jsonl.gz --from-ledger --scorecard mine.yaml --out scorecards.yaml
    """
    need_extra("calibrate")
    from datetime import UTC, datetime

    from heartline.backtest.landmarks import table
    from heartline.backtest.run import replay
    from heartline.calibrate.card_text import card_text
    from heartline.calibrate.proposal import propose, wanted_measures
    from heartline.errors import writing
    from heartline.jsonl import check_json_lines
    from heartline.snapshot import scorecards_of
    from stream.scoring.scorecard_yaml import read_scorecards

    check_labels("calibrate", churned, from_ledger)
    days = horizon_days(horizon)
    settings = load_settings(config)
    cards = scorecards_of(settings) if scorecard is None else read_scorecards(scorecard)
    card = cards.cards[-1]
    for file in files:
        check_json_lines(file)
    started = time.monotonic()
    with progress_bar() as progress:
        history = replay(files, churned, {card.name: cards}, settings, progress, wanted_measures(card))
        marks = table(history.accounts, [card.name], days)
        found = propose(card, marks, progress=lambda done, total: progress(done, total, "fits"))
    with writing(out, "--out"):
        out.write_text(card_text(found, days, datetime.now(UTC).date()), "utf-8")
    report_problems(history)
    if as_json:
        print(json.dumps(_as_json(found, out, time.monotonic() - started)))
        return
    for line in out.read_text("utf-8").splitlines():
        if line.startswith("#"):
            print(line.removeprefix("#").removeprefix(" "))
    print(f"took  {time.monotonic() - started:,.1f} s", file=sys.stderr)
    print(f"wrote {out}", file=sys.stderr)


def _as_json(found: "Proposal", out: Path, seconds: float) -> dict[str, Any]:
    """What was found, for programs."""
    from dataclasses import asdict

    figures = asdict(found)
    del figures["card"], figures["lines"]
    summary: dict[str, Any] = as_objects(figures)
    return summary | {
        "scorecard": found.card.name,
        "lines": {line.measure: line.weight for line in found.lines},
        "out": str(out),
        "seconds": round(seconds, 3),
    }
