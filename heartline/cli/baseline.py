"""`heartline baseline`: what an account does now is its new normal, until someone takes that back."""

import asyncio
import getpass
import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings, say

app = typer.Typer(
    help="Accept what an account does now as its new normal, take that back, and see who accepted what.",
    no_args_is_help=True,
)

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id, as in the events.")]


@app.command()
def accept(
    account_id: Account,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever reads the score next.")],
    owner: Annotated[str | None, typer.Option("--owner", help="Who says so; your login without it.")] = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compare an account's use with its last eight weeks from now on, and no longer with its best half-year.

    Say so of an account that is smaller for good, and well: a team that was sold, a pilot that ended. It is written to
    the account-updates topic, stands in every report, holds until `undo`, and does not expire.

    [bold]Example[/]

    \b
    heartline baseline accept acme --reason "the second team moved to another company"
    """
    from consumers.account_updates import encode_baseline
    from heartline.topics.override_writer import send

    settings = load_settings(config, bootstrap_servers)
    now, who = datetime.now(UTC), owner or getpass.getuser()
    asyncio.run(send(settings.kafka, account_id, encode_baseline(account_id, who, reason, now)))
    accepted = {"accepted_at": now.isoformat(), "owner": who, "reason": reason}
    told = f"{account_id}: the eight weeks up to {now:%d %b %Y} are its new normal, accepted by {who}: {reason}"
    say(as_json, {"account_id": account_id, "accepted_baseline": accepted}, told)


@app.command()
def undo(
    account_id: Account, bootstrap_servers: BootstrapServers = None, config: Config = None, as_json: Json = False
) -> None:
    """Compare an account with its best half-year again; where nothing was accepted nothing changes.

    [bold]Example[/]

    \b
    heartline baseline undo acme
    """
    from consumers.account_updates import encode_baseline_undone
    from heartline.topics.override_writer import send

    settings = load_settings(config, bootstrap_servers)
    asyncio.run(send(settings.kafka, account_id, encode_baseline_undone(account_id, datetime.now(UTC))))
    told = f"{account_id}: compared with its best half-year again"
    say(as_json, {"account_id": account_id, "accepted_baseline": None}, told)


@app.command()
def show(
    account_id: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="One account; all that have one without it.")
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show who accepted what as a new normal, and why; the newest first.

    It is read from the account-health topic, so it is what the worker has taken in. Status 1: there is none.

    [bold]Examples[/]

    \b
    heartline baseline show
    heartline baseline show acme --json
    """
    from alerts.text import tidy
    from heartline.topics.current_reports import all_reports

    found = [
        (accepted, report)
        for report in all_reports(load_settings(config, bootstrap_servers).kafka)
        if (accepted := report.profile.accepted_baseline) is not None and account_id in (None, report.account_id)
    ]
    found.sort(key=lambda item: item[0].accepted_at, reverse=True)
    if as_json:
        rows = [
            {"account_id": report.account_id, "score": report.score, "band": report.band}
            | {"accepted_at": at.accepted_at.isoformat(), "owner": at.owner, "reason": at.reason}
            for at, report in found
        ]
        print(json.dumps(rows, ensure_ascii=False))
    for at, report in found if not as_json else []:
        score = "no score" if report.score is None else f"{report.score:.0f}"
        acceptance = f"since {at.accepted_at:%d %b %Y} by {tidy(at.owner, 60)}: {tidy(at.reason, 200)}"
        print(f"{tidy(report.account_id, 60)}  {score} {report.band.replace('_', ' ')}  {acceptance}")
    if not found:
        print(f"heartline: no new normal{'' if account_id is None else f' of {account_id!r}'}", file=sys.stderr)
        raise typer.Exit(1)
