"""`heartline override`: a person's verdict in the place of the scorecard's, until it expires."""

import asyncio
import getpass
import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings, say

app = typer.Typer(
    help="Set an account's health by hand until a day, clear it, and see who set what.",
    no_args_is_help=True,
)

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id, as in the events.")]


@app.command(name="set")
def set_(
    account_id: Account,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever reads the score next.")],
    until: Annotated[
        str, typer.Option("--until", help="When it expires: 36h, 14d, 3w, or a day as 2026-03-31; at most 90 days.")
    ],
    score: Annotated[float | None, typer.Option("--score", help="The score, 0 to 100; or give a band.")] = None,
    band: Annotated[
        str | None, typer.Option("--band", help="healthy, watch, at_risk or critical; or give a score.")
    ] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Who answers for it; your login without it.")] = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Set an account's score or band by hand, with a reason and a day on which it expires.

    It is written to the account-updates topic as any CRM may write it. From then on reports, messages and screens show
    both values, yours and the scorecard's, and when it expires the scorecard's holds again.

    [bold]Examples[/]

    \b
    heartline override set acme --band at_risk --until 3w --reason "their sponsor left"
    heartline override set acme --score 80 --until 2026-03-31 --reason "merger: quiet as agreed" --owner dana
    """
    from consumers.account_updates import encode_override
    from heartline.topics.override_writer import parse_expiry, send

    settings = load_settings(config, bootstrap_servers)
    now = datetime.now(UTC)
    expires_at = parse_expiry(until, now)
    override = {"owner": owner or getpass.getuser(), "reason": reason, "expires_at": expires_at.isoformat()}
    verdict = {name: value for name, value in (("score", score), ("band", band)) if value is not None}
    asyncio.run(send(settings.kafka, account_id, encode_override(account_id, verdict | override, now)))
    said = f"{score:g}" if score is not None else str(band).replace("_", " ")
    told = f"{account_id}: {said} until {expires_at:%d %b %Y %H:%M} UTC, set by {override['owner']}: {reason}"
    say(as_json, {"account_id": account_id, "override": verdict | override}, told)


@app.command()
def clear(
    account_id: Account, bootstrap_servers: BootstrapServers = None, config: Config = None, as_json: Json = False
) -> None:
    """End an account's override before it expires; without one nothing changes.

    [bold]Example[/]

    \b
    heartline override clear acme
    """
    from consumers.account_updates import encode_override
    from heartline.topics.override_writer import send

    settings = load_settings(config, bootstrap_servers)
    asyncio.run(send(settings.kafka, account_id, encode_override(account_id, None, datetime.now(UTC))))
    say(as_json, {"account_id": account_id, "override": None}, f"{account_id}: the scorecard's verdict holds")


@app.command()
def show(
    account_id: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="One account; all that have an override without it.")
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show who set what by hand, until when and why, beside what the scorecard says; the soonest to expire first.

    It is read from the account-health topic, so it is what the worker has taken in. Status 1: there is none.

    [bold]Examples[/]

    \b
    heartline override show
    heartline override show acme --json
    """
    from alerts.messages.report_text import override_told
    from alerts.text import tidy
    from heartline.topics.current_reports import all_reports
    from stream.contracts.report import encode_report

    kafka = load_settings(config, bootstrap_servers).kafka
    held = [
        report
        for report in all_reports(kafka)
        if report.override is not None and account_id in (None, report.account_id)
    ]
    held.sort(key=lambda report: report.override.expires_at if report.override is not None else report.as_of)
    if as_json:
        wanted = ("account_id", "as_of", "score", "band", "model_score", "model_band", "override")
        found = [json.loads(encode_report(report)) for report in held]
        print(json.dumps([{name: item[name] for name in wanted} for item in found], ensure_ascii=False))
    for report in held if not as_json else []:
        score = "no score" if report.score is None else f"{report.score:.0f}"
        print(f"{tidy(report.account_id, 60)}  {score} {report.band.replace('_', ' ')}  {override_told(report)}")
    if not held:
        print(f"heartline: no override{'' if account_id is None else f' on {account_id!r}'}", file=sys.stderr)
        raise typer.Exit(1)
