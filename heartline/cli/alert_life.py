"""`heartline alert list`, `show`, `ack`, `snooze`, `resolve`, `verdict`, `play`, `note`: looked at and answered."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings, say

if TYPE_CHECKING:
    from alerts.commands import Command

AlertId = Annotated[str, typer.Argument(metavar="ALERT", help="The alert's id, as in its messages: hl-...")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says so; you, by default.")]
Note = Annotated[str | None, typer.Option("--note", help="A few words for whoever reads it later.")]


def list_alerts(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    account: Annotated[str | None, typer.Option("--account", metavar="ID", help="Of one account.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Of one rule.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Of one owner's accounts.")] = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the alerts that are open, the worst and newest first: since when, who has them, and why.

    [bold]Examples[/]

    \b
    heartline alert list
    heartline alert list --all --account ridge-robotics --json
    """
    import msgspec

    from alerts.text import tidy
    from heartline.topics.alert_log_reader import read_alerts, state_of

    kafka = load_settings(config, bootstrap_servers).kafka
    found = read_alerts(kafka)
    wanted = {"account_id": account, "rule": rule, "owner": owner}
    shown = [
        each.alert
        for each in found.all(is_open=None if everything else True)
        if all(value is None or getattr(each.alert, name) == value for name, value in wanted.items())
    ]
    if as_json:
        print(msgspec.json.encode({"alerts": shown}).decode())
        return
    now = datetime.now(UTC)
    for alert in shown:
        print(f"{alert.alert_id}  {alert.severity:8}  {tidy(alert.account_name, 30):30}  {alert.rule}")
        print(f"    {state_of(alert, now)}: {tidy(alert.reason, 200)}")
    print(f"{len(shown)} alerts" if len(shown) != 1 else "1 alert")


def show(
    alert: AlertId, bootstrap_servers: BootstrapServers = None, config: Config = None, as_json: Json = False
) -> None:
    """Show one alert and every step of it: when, what, who and why.

    [bold]Example[/]

    \b
    heartline alert show hl-ea384ece59-69a7f490
    """
    import msgspec

    from alerts.text import tidy
    from heartline.topics.alert_log_reader import find, read_alerts, state_of

    kafka = load_settings(config, bootstrap_servers).kafka
    episode = find(read_alerts(kafka), alert)
    if as_json:
        print(msgspec.json.encode({"alert": episode.alert, "steps": episode.steps}).decode())
        return
    now = episode.alert
    print(f"{now.alert_id}  {now.severity}  {now.rule}  {tidy(now.account_name, 80)} ({tidy(now.account_id, 80)})")
    print(f"{state_of(now, datetime.now(UTC))}; owner {tidy(now.owner or 'unknown', 80)}")
    for step in episode.steps:
        print(f"  {step.at:%Y-%m-%d %H:%M}  {step.kind:12}  {tidy(step.by, 40)}: {tidy(step.reason, 300)}")


def ack(
    alert: AlertId,
    by: By = None,
    note: Note = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take an alert on: no reminders any more; worse and over are still told."""
    _command("Acknowledge", alert, by, bootstrap_servers, config, as_json, note=note)


def snooze(
    alert: AlertId,
    until: Annotated[str, typer.Option("--until", help="30m, 8h, 3d, 2w from now, or a time: 2026-03-02T09:00Z.")],
    by: By = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Hear nothing of an alert until then; what is still true is told then.

    [bold]Example[/]

    \b
    heartline alert snooze hl-ea384ece59-69a7f490 --until 3d
    """
    from heartline.topics.alert_log_reader import moment_of

    _command("Snooze", alert, by, bootstrap_servers, config, as_json, until=moment_of(until, datetime.now(UTC)))


def resolve(
    alert: AlertId,
    by: By = None,
    note: Note = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Close an alert by hand: the same trouble stays closed until the account was well, or it gets worse."""
    _command("Resolve", alert, by, bootstrap_servers, config, as_json, note=note)


def verdict(
    alert: AlertId,
    result: Annotated[str, typer.Argument(metavar="valid|not_valid", help="Was it worth telling?")],
    by: By = None,
    note: Note = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say whether an alert was worth telling; the precision of its rule counts it.

    [bold]Example[/]

    \b
    heartline alert verdict hl-ea384ece59-69a7f490 not_valid --note "on holiday"
    """
    from stream.contracts.errors import ConfigError

    if result not in ("valid", "not_valid"):
        raise ConfigError(f"{result!r}: expected valid or not_valid")
    _command("GiveVerdict", alert, by, bootstrap_servers, config, as_json, verdict=result, note=note)


def play(
    alert: AlertId,
    name: Annotated[str, typer.Argument(metavar="PLAY", help="The play's id, as in the playbook.")],
    by: By = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say that a play was started: it counts as taken on, and 7, 30 and 90 days later you hear whether it helped."""
    _command("StartPlay", alert, by, bootstrap_servers, config, as_json, play=name)


def note_account(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.")],
    words: Annotated[str, typer.Argument(metavar="NOTE", help="A few words for whoever looks at it next.")],
    by: By = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write a note about an account, whether or not it has an alert; the board's page of the account shows it.

    [bold]Example[/]

    \b
    heartline alert note ridge-robotics "the sponsor moves to Berlin in May"
    """
    from alerts.commands import AddNote, decode_command, encode_command
    from consumers.alerting.command_sender import stamp
    from heartline.topics.alert_log_reader import send, who

    kafka = load_settings(config, bootstrap_servers).kafka
    command = AddNote(**stamp(who(by)), account_id=account, note=words)
    decode_command(encode_command(command))  # lengths are checked here
    send(kafka, command)
    facts = {"sent": "add_note", "account_id": account, "command_id": command.command_id}
    say(as_json, facts, f"{account}: a note by {command.by} is on its way")


def _command(
    kind: str, alert_id: str, by: str | None, servers: str | None, config: Any, as_json: bool, **fields: Any
) -> None:
    """Find the alert's account, and send the command."""
    from alerts import commands
    from consumers.alerting.command_sender import stamp
    from heartline.topics.alert_log_reader import find, read_alerts, send, who

    kafka = load_settings(config, servers).kafka
    episode = find(read_alerts(kafka), alert_id)
    make: Any = getattr(commands, kind)
    command: Command = make(**stamp(who(by)), account_id=episode.alert.account_id, alert_id=alert_id, **fields)
    commands.decode_command(commands.encode_command(command))  # lengths are checked here
    send(kafka, command)
    name = commands.name_of(command)
    facts = {"sent": name, "alert_id": alert_id, "command_id": command.command_id}
    say(as_json, facts, f"{alert_id}: {name.replace('_', ' ')} by {command.by} is on its way")
