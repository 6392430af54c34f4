"""`heartline scorecard`: check scorecards, explain an account by its own, compare two, have one looked at."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartline.terminal.scorecard_tables import Moved
    from stream.config.settings import Settings
    from stream.contracts.scorecard_review import ScorecardReview
    from stream.scoring.scorecard import Scorecards

app = typer.Typer(
    help="Check scorecards before they are used, see one at work on an account, have it reviewed, and whom a new one "
    "would move.",
    no_args_is_help=True,
)

Send = Annotated[
    list[str] | None,
    typer.Option(
        "--send", metavar="RECEIVER", help="Tell it, too, to a receiver of the alerting configuration; several."
    ),
]
File = Annotated[Path, typer.Argument(metavar="FILE.yaml", help="A file of scorecards (docs/scorecards.md).")]


@app.command()
def validate(file: File, as_json: Json = False) -> None:
    """Check a file of scorecards: every mistake with its line, field and value, and what is accepted. Status 2 if any.

    [bold]Example[/]

    \b
    heartline scorecard validate scorecards.yaml
    """
    from heartline.terminal.scorecard_tables import summary
    from stream.scoring.scorecard_yaml import read_scorecards

    cards = read_scorecards(file).cards
    if as_json:
        print(json.dumps({"scorecards": [card.name for card in cards]}))
        return
    for card in cards:
        print("\n".join(summary(card)))


@app.command()
def explain(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id, as in the events.")],
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show one account by its scorecard: each measure's value, its curve, its weight and the points that it costs.

    The report is read from the account-health topic; the scorecard is the one that the settings name.

    [bold]Example[/]

    \b
    heartline scorecard explain ridge-robotics
    heartline scorecard explain ridge-robotics --json
    """

    from rich.console import Console

    from heartline.snapshot import scorecards_of
    from heartline.terminal.scorecard_tables import explained, explained_as_json
    from heartline.topics.current_reports import find_report

    settings = load_settings(config, bootstrap_servers)
    cards = scorecards_of(settings).cards
    report = find_report(settings.kafka, account_id).report
    if report is None:
        print(f"heartline: no health report for account {account_id!r}", file=sys.stderr)
        raise typer.Exit(1)
    card = next((card for card in cards if card.name == report.scorecard), None)
    if card is None:
        known = ", ".join(card.name for card in cards)
        print(
            f"heartline: {account_id!r} was evaluated by scorecard {report.scorecard!r}, and the settings have {known};"
            " set HEARTLINE_SCORECARDS to the worker's own file",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    if as_json:
        print(json.dumps(explained_as_json(report, card), ensure_ascii=False))
    else:
        Console().print(explained(report, card))


@app.command()
def diff(
    file: File,
    snapshot: Annotated[
        list[Path] | None,
        typer.Option(
            "--snapshot",
            metavar="EVENTS",
            help="JSON lines of events, plain, gzip or Zstandard; repeatable. Without it, the worker's current states.",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="DATE", help="With --snapshot: the day to evaluate, as 2024-03-31; the last one."),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Tell which accounts would be in another band by the scorecards of a file than by those of the settings.

    Both evaluate the same facts at the same moment: the worker's current states, read from its changelog, now; or the
    events of files at the end of a day.

    [bold]Examples[/]

    \b
    heartline scorecard diff new.yaml
    heartline scorecard diff new.yaml --snapshot events.jsonl.gz --at 2024-03-31
    """
    from heartline.snapshot import scorecards_of
    from stream.contracts.errors import ConfigError
    from stream.scoring.scorecard_yaml import read_scorecards

    settings = load_settings(config, bootstrap_servers)
    before, now = scorecards_of(settings), read_scorecards(file)
    if not snapshot and at is not None:
        raise ConfigError(f"scorecard diff: --at {at} needs --snapshot EVENTS; the worker's states are those of now")
    accounts, moved = _of_files(snapshot, at, settings, before, now) if snapshot else _live(settings, before, now)
    if as_json:
        print(json.dumps({"accounts": accounts, "moved": [item.as_json() for item in moved]}))
        return
    for item in moved:
        print(
            f"{item.account_id}  {item.before_band} {_score(item.before_score)} → {item.now_band}"
            f" {_score(item.now_score)}  ({item.now_scorecard})"
        )
    print(f"{len(moved)} of {accounts} accounts would change band")


@app.command()
def review(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id, or its name.")],
    hand_in: Annotated[bool, typer.Option("--hand-in", help="It waits for somebody who looks at it.")] = False,
    approve: Annotated[bool, typer.Option("--approve", help="It is right.")] = False,
    send_back: Annotated[bool, typer.Option("--send-back", help="It is not; --comment says what to change.")] = False,
    comment: Annotated[str, typer.Option("--comment", help="For whoever reads the review.")] = "",
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says so; your login without it.")] = None,
    send: Send = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Hand in the scorecard of an account, approve it, or send it back with a comment.

    What is reviewed is the account's current report: its score and band are kept with the step. The board shows the
    same, and `heartline scorecard history` lists it.

    [bold]Examples[/]

    \b
    heartline scorecard review acme --hand-in --comment "goals agreed with their sponsor" --send lead-mail
    heartline scorecard review acme --send-back --comment "the renewal date is last year's" --by dana
    """
    import getpass
    from datetime import UTC, datetime

    from consumers.confirmed_sender import ConfirmedSender
    from heartline.cli.account import tell_missing
    from heartline.topics.current_reports import find_report
    from stream.contracts.errors import ConfigError
    from stream.contracts.scorecard_review import encode_review, make_review

    steps = {"requested": hand_in, "approved": approve, "sent_back": send_back}
    asked = [step for step, is_asked in steps.items() if is_asked]
    if len(asked) != 1:
        raise ConfigError("scorecard review: expected one of --hand-in, --approve and --send-back")
    kafka = load_settings(config, bootstrap_servers).kafka
    found = find_report(kafka, account_id)
    if found.report is None:
        tell_missing(account_id, found)
        raise typer.Exit(1)
    made = make_review(found.report, asked[0], by or getpass.getuser(), comment, datetime.now(UTC))
    sender = ConfirmedSender(kafka, kafka.topics.scorecard_reviews, "the review")
    try:
        sender.send(made.key, encode_review(made))
    finally:
        sender.close()
    say(as_json, json.loads(encode_review(made)), _step_told(made))
    _send([made], send, config)


@app.command()
def history(
    account_id: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="One account's steps; of each account the newest without.")
    ] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait for a review.")] = False,
    send: Send = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Tell who had which scorecard looked at, and what was said of it: what waits first. Status 1: there is nothing.

    With --send it goes to receivers as alerts have them; let cron tell each morning whoever reviews what waits.

    [bold]Examples[/]

    \b
    heartline scorecard history acme --json
    0 8 * * 1-5  heartline scorecard history --waiting --send lead-mail --send slack
    """
    from consumers.errors import TopicMissingError
    from consumers.kafka_client import read_to_end
    from consumers.scorecard_reviews import ReviewLog, review_log
    from stream.contracts.scorecard_review import encode_review

    kafka = load_settings(config, bootstrap_servers).kafka
    try:
        log = review_log((each.key or b"", each.value) for each in read_to_end(kafka, kafka.topics.scorecard_reviews))
    except TopicMissingError:
        log = ReviewLog()
    steps = log.newest() if account_id is None else log.of_account(account_id)
    steps = [step for step in steps if not waiting or step.step == "requested"]
    if as_json:
        print(json.dumps([json.loads(encode_review(step)) for step in steps], ensure_ascii=False))
    for step in steps if not as_json else []:
        print(_step_told(step))
    if not steps:
        print(f"heartline: no review{'' if account_id is None else f' of {account_id!r}'}", file=sys.stderr)
        raise typer.Exit(1)
    _send(steps, send, config)


def _send(steps: "Sequence[ScorecardReview]", receivers: list[str] | None, config: Path | None) -> None:
    """Tell receivers of steps, if any are named."""
    if not receivers:
        return
    from datetime import UTC, datetime

    from alerts.messages.reviews import reviews_notification
    from heartline.message_sender import send_message

    for name in send_message(reviews_notification(steps, datetime.now(UTC)), receivers, config):
        print(f"{name}: sent", file=sys.stderr)


def _step_told(step: "ScorecardReview") -> str:
    from alerts.text import tidy

    words = {"requested": "handed in", "approved": "approved", "sent_back": "sent back"}[step.step]
    comment = f": {tidy(step.comment, 1_000)}" if step.comment else ""
    score = "no score" if step.score is None else f"score {step.score:.0f}"
    return f"{tidy(step.account_id, 60)}  {step.at:%Y-%m-%d %H:%M}  {words}  {tidy(step.by, 60)}  {score}{comment}"


def _of_files(
    files: list[Path], at: str | None, settings: "Settings", before: "Scorecards", now: "Scorecards"
) -> "tuple[int, list[Moved]]":
    """By the events of files, at the end of a day."""
    from heartline.snapshot import EPOCH_DAY, Summary, parse_date, read_events
    from heartline.terminal.scorecard_tables import moved_bands
    from stream.calendar.day import day_of
    from stream.contracts.errors import ConfigError
    from stream.measures.product import product_config_from

    day = None if at is None else (parse_date(at) - EPOCH_DAY).days
    found = Summary()
    events = read_events(files, settings, found)
    for line in found.errors:
        print(f"bad line  {line}", file=sys.stderr)
    if not events:
        raise ConfigError(f"scorecard diff: no events in {', '.join(str(path) for path in files)}")
    last_day = day_of(events[-1][0]) if day is None else day
    core = frozenset(settings.product.core_features)
    return moved_bands(events, last_day, before, now, core, product_config_from(settings))


def _live(settings: "Settings", before: "Scorecards", now: "Scorecards") -> "tuple[int, list[Moved]]":
    """By the worker's current states, now, on the worker's clock."""

    from heartline.terminal.scorecard_tables import moved_live
    from heartline.topics.current_states import live_states
    from stream.calendar.clock import EventClock, WallClock
    from stream.kinds.state import watermark_ms
    from stream.measures.product import product_config_from

    states = live_states(settings.kafka)
    newest = max((ms for state in states.values() if (ms := watermark_ms(state)) is not None), default=None)
    clock = EventClock() if settings.worker.clock == "event" else WallClock()
    now_ms = clock.now_ms(newest)
    if now_ms is None:
        return len(states), []
    core = frozenset(settings.product.core_features)
    return len(states), moved_live(states, now_ms, before, now, core, product_config_from(settings))


def _score(score: float | None) -> str:
    return "without a score" if score is None else f"{score:g}"
