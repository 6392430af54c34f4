"""`heartline alias`: what other tools call the accounts, and ids whose events wait to be told whose they are."""

import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings, say

app = typer.Typer(
    help="Say which ids of other tools are one account's, and see which ids wait for that.", no_args_is_help=True
)

_Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="What a tool calls the account, as zendesk:360001.")]
_Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")]


@app.command(name="list")
def list_(bootstrap_servers: BootstrapServers = None, config: Config = None, as_json: Json = False) -> None:
    """Show every alias with its account.

    [bold]Examples[/]

    \b
    heartline alias list
    heartline alias list --json
    """
    from heartline.topics.account_aliases import links

    found = links(load_settings(config, bootstrap_servers).kafka)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for alias, account_id in found.items():
        print(f"{alias}  {account_id}")
    if not found:
        print("No account has an alias.", file=sys.stderr)


@app.command()
def waiting(bootstrap_servers: BootstrapServers = None, config: Config = None, as_json: Json = False) -> None:
    """Show the ids whose events wait until somebody says whose they are, those with the most events first.

    Status 1: there are some.

    [bold]Examples[/]

    \b
    heartline alias waiting
    heartline alias waiting --json
    """
    import msgspec

    from heartline.topics.account_aliases import waiting as waiting_aliases

    entries = waiting_aliases(load_settings(config, bootstrap_servers).kafka)
    if as_json:
        print(json.dumps([msgspec.to_builtins(entry) for entry in entries], ensure_ascii=False))
    for entry in entries if not as_json else []:
        since = datetime.fromtimestamp(entry.since_ms / 1000, UTC)
        print(f"{entry.alias[:60]}  {entry.events:,} events since {since:%d %b %Y %H:%M} UTC")
    if not entries:
        print("No event waits.", file=sys.stderr)
        return
    raise typer.Exit(1)


@app.command()
def link(
    alias: _Alias,
    account: _Account,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say whose an id is: what waits under it, and what it has as an account of its own, goes to that account.

    [bold]Examples[/]

    \b
    heartline alias link zendesk:360001 acme
    heartline alias link acme-old acme
    """
    from heartline.topics import account_aliases

    account_aliases.link(load_settings(config, bootstrap_servers).kafka, alias, account)
    say(as_json, {"alias": alias, "account_id": account}, f"{alias} is {account} from now on")


@app.command()
def unlink(
    alias: _Alias, bootstrap_servers: BootstrapServers = None, config: Config = None, as_json: Json = False
) -> None:
    """Take a link back; what was counted stays where it is.

    [bold]Examples[/]

    \b
    heartline alias unlink zendesk:360001
    """
    from heartline.topics import account_aliases

    account_aliases.link(load_settings(config, bootstrap_servers).kafka, alias, None)
    say(as_json, {"alias": alias, "account_id": None}, f"{alias} is nobody's from now on")
