"""`heartline quarantine`: accounts that the worker leaves alone, since their state or events raise an error."""

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings

app = typer.Typer(
    help="See which accounts raise an error and are left alone, and release them with the events held meanwhile.",
    no_args_is_help=True,
)


@app.command(name="list")
def list_(bootstrap_servers: BootstrapServers = None, config: Config = None, as_json: Json = False) -> None:
    """Show the accounts in quarantine: since when, what raised, and at which record; the longest first.

    The worker goes on with all other accounts. Status 1: there are some.

    [bold]Examples[/]

    \b
    heartline quarantine list
    heartline quarantine list --json
    """
    import msgspec

    from heartline.topics.quarantine import quarantined

    entries = quarantined(load_settings(config, bootstrap_servers).kafka)
    if as_json:
        print(json.dumps([msgspec.to_builtins(entry) for entry in entries], ensure_ascii=False))
    for entry in entries if not as_json else []:
        since = datetime.fromtimestamp(entry.since_ms / 1000, UTC)
        where = f"{entry.topic}[{entry.partition}]" + ("" if entry.offset is None else f"@{entry.offset}")
        print(f"{entry.account_id[:60]!r}  since {since:%d %b %Y %H:%M} UTC  {entry.step}  {where}  {entry.error}")
    if not entries:
        print("No account is in quarantine.", file=sys.stderr)
        return
    raise typer.Exit(1)


@app.command()
def release(
    accounts: Annotated[
        list[str] | None, typer.Argument(metavar="[ACCOUNT]...", help="The accounts' ids, as `list` shows them.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are in quarantine.")] = False,
    forget_state: Annotated[
        bool,
        typer.Option(
            "--forget-state",
            help="Begin anew with an empty state, where the old one can't be read; what it knew is lost.",
        ),
    ] = False,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Fold and evaluate accounts again, and with them every event that was held, in its order.

    Do it after what raised was put right, as by a release that folds it. An account that raises again is back at once,
    and its events are held again.

    [bold]Examples[/]

    \b
    heartline quarantine release acme
    heartline quarantine release --all
    heartline quarantine release acme --forget-state
    """
    from heartline.topics import quarantine

    kafka = load_settings(config, bootstrap_servers).kafka
    entries = quarantine.quarantined(kafka)
    wanted = set(accounts or ())
    if missing := wanted - {entry.account_id for entry in entries}:
        print(f"heartline: not in quarantine: {', '.join(sorted(missing))}", file=sys.stderr)
        raise typer.Exit(1)
    if not wanted and not every:
        print("heartline: name the accounts, or release --all", file=sys.stderr)
        raise typer.Exit(2)
    chosen = [entry for entry in entries if every or entry.account_id in wanted]
    released = asyncio.run(quarantine.release(kafka, chosen, forget=forget_state))
    if as_json:
        print(json.dumps([asdict(each) for each in released], ensure_ascii=False))
    for each in released if not as_json else []:
        cut = f"; {each.cut} were too large to be kept whole and are lost to it" if each.cut else ""
        print(f"{each.account_id}: released with {each.events} held events{cut}")
