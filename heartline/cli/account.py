"""`heartline account`: one account's current report."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings

if TYPE_CHECKING:
    from heartline.topics.current_reports import Found


def account(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id, or its name.")],
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show one account: score and band, what holds the score down, what changed in a week, and every measure.

    It is read from the account-health topic, where the worker publishes. A name may be a part of one, in any case, that
    only one account has. An account that is not there gives status 1, and the accounts that look alike.

    [bold]Examples[/]

    \b
    heartline account ridge-robotics
    heartline account "Ridge Robotics"
    heartline account ridge-robotics --json | jq '.changes_7d[0]'
    """
    from heartline.topics.current_reports import find_report

    kafka = load_settings(config, bootstrap_servers).kafka
    found = find_report(kafka, account_id)
    if found.report is None:
        tell_missing(account_id, found)
        raise typer.Exit(1)
    if as_json:
        from stream.contracts.report import encode_report

        print(json.dumps(json.loads(encode_report(found.report)), ensure_ascii=False))
        return
    from rich.console import Console

    from heartline.terminal.account_panel import account_panel

    Console().print(account_panel(found.report))


def tell_missing(account_id: str, found: "Found") -> None:
    """Say on stderr that an account has no report, and what might be meant."""
    print(f"heartline: no health report for account {account_id!r}", file=sys.stderr)
    if found.alike:
        print(f"did you mean: {', '.join(found.alike)}", file=sys.stderr)
    elif found.accounts == 0:
        print("no account has one yet: is `heartline worker` running, and are there events?", file=sys.stderr)
