"""`heartline silence add|list|expire`: for a while, tell nothing of the alerts that match."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from heartline.cli.help import prose
from heartline.cli.options import BootstrapServers, Config, Json, load_settings, say

app = typer.Typer(name="silence", help="For a while, tell nothing of the alerts that match.", no_args_is_help=True)

By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who asks for it; you, by default.")]


def add(
    until: Annotated[str, typer.Option("--until", help="30m, 8h, 3d, 2w from now, or a time: 2026-03-02T09:00Z.")],
    why: Annotated[str, typer.Option("--why", help="The reason, for whoever finds it later.")],
    account: Annotated[str | None, typer.Option("--account", metavar="ID", help="Alerts of this account.")] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="... of this segment.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="... of this owner's accounts.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="... of this rule.")] = None,
    severity: Annotated[str | None, typer.Option("--severity", help="... of this severity.")] = None,
    by: By = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Silence alerts that match all that is given; at least one of account, segment, owner, rule, severity.

    They are kept, exported and evaluated all the same; what is still true at the end is told then.

    [bold]Example[/]

    \b
    heartline silence add --segment smb --rule silence --until 2w --why "school holidays"
    """
    import msgspec

    from alerts.commands import AddSilence
    from alerts.silences import Silence
    from consumers.alerting.command_sender import stamp
    from heartline.topics.alert_log_reader import moment_of, send, who
    from stream.contracts.errors import ConfigError

    now = datetime.now(UTC)
    given = {"account_id": account, "segment": segment, "owner": owner, "rule": rule, "severity": severity}
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    fields |= {"silence_id": f"s-{uuid.uuid4().hex[:10]}", "by": who(by), "why": why}
    fields |= {"starts_at": now, "ends_at": moment_of(until, now)}
    try:
        silence = msgspec.convert(fields, Silence)
    except msgspec.ValidationError as error:
        raise ConfigError(f"silence add: {error}") from None
    send(load_settings(config, bootstrap_servers).kafka, AddSilence(**stamp(who(by)), silence=silence))
    facts = {"sent": "add_silence", "silence_id": silence.silence_id, "ends_at": silence.ends_at.isoformat()}
    say(as_json, facts, f"{silence.silence_id}: until {silence.ends_at:%Y-%m-%d %H:%M} UTC nothing is told of it")


def list_silences(bootstrap_servers: BootstrapServers = None, config: Config = None, as_json: Json = False) -> None:
    """List the silences that hold now or later, the one that ends first in front."""
    import msgspec

    from heartline.topics.alert_log_reader import read_alerts

    found = read_alerts(load_settings(config, bootstrap_servers).kafka).silences(datetime.now(UTC))
    if as_json:
        print(msgspec.json.encode({"silences": found}).decode())
        return
    for silence in found:
        whom = ", ".join(f"{name}={value}" for name, value in silence.matchers.items())
        print(f"{silence.silence_id}  until {silence.ends_at:%Y-%m-%d %H:%M %Z}  {whom}  ({silence.by}: {silence.why})")
    print(f"{len(found)} silences" if len(found) != 1 else "1 silence")


def expire(
    silence: Annotated[str, typer.Argument(metavar="SILENCE", help="Its id, as `heartline silence list` shows it.")],
    by: By = None,
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """End a silence now: what it held back, and is still true, is told within seconds."""
    from alerts.commands import ExpireSilence
    from consumers.alerting.command_sender import stamp
    from heartline.errors import UnknownNameError
    from heartline.topics.alert_log_reader import read_alerts, send, who

    kafka = load_settings(config, bootstrap_servers).kafka
    known = {each.silence_id for each in read_alerts(kafka).silences(datetime.now(UTC))}
    if silence not in known:
        raise UnknownNameError(f"no silence {silence!r:.80} holds; `heartline silence list` shows those that do")
    send(kafka, ExpireSilence(**stamp(who(by)), silence_id=silence))
    say(as_json, {"sent": "expire_silence", "silence_id": silence}, f"{silence}: ended")


for _name, _function in (("add", add), ("list", list_silences), ("expire", expire)):
    app.command(_name, help=prose(_function))(_function)
