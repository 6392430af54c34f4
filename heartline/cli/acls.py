"""`heartline acls`: the rights on Kafka that each process needs."""

from dataclasses import asdict
from typing import Annotated

import typer

from heartline.cli.options import BootstrapServers, Config, Json, load_settings, say


def acls(
    processes: Annotated[
        list[str] | None, typer.Argument(metavar="[PROCESS]...", help="worker, alerting, board, intake, portfolio.")
    ] = None,
    principal: Annotated[
        str, typer.Option("--principal", help="Who gets them; {process} is filled in.")
    ] = "User:heartline-{process}",
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Print the rights on Kafka that each process needs, and no more, as lines for kafka-acls.

    [bold]Examples[/]

    \b
    heartline acls
    heartline acls worker --principal User:CN=heartline-worker
    heartline acls --json
    """
    from heartline.reference.kafka_rights import PROCESSES, commands, rights_of
    from stream.contracts.errors import ConfigError

    kafka = load_settings(config, bootstrap_servers).kafka
    rights, lines = [], list[str]()
    for name in processes or PROCESSES:
        if name not in PROCESSES:
            raise ConfigError(f"{name!r}: expected one of {', '.join(PROCESSES)}")
        who = principal.format(process=name)
        rights += [{"process": name, "principal": who, **asdict(right)} for right in rights_of(name, kafka)]
        lines += commands(name, kafka, who)
    say(as_json, rights, "\n".join(lines))
