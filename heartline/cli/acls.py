"""`heartline acls`: the rights on Kafka that each process needs."""

from typing import Annotated

import typer

from heartline.cli.options import BootstrapServers, Config, load_settings


def acls(
    processes: Annotated[
        list[str] | None, typer.Argument(metavar="[PROCESS]...", help="worker, alerting, board, intake, portfolio.")
    ] = None,
    principal: Annotated[
        str, typer.Option("--principal", help="Who gets them; {process} is filled in.")
    ] = "User:heartline-{process}",
    bootstrap_servers: BootstrapServers = None,
    config: Config = None,
) -> None:
    """Print the rights on Kafka that each process needs, and no more, as lines for kafka-acls.

    [bold]Examples[/]

    \b
    heartline acls
    heartline acls worker --principal User:CN=heartline-worker
    """
    from heartline.reference.kafka_rights import PROCESSES, commands
    from stream.contracts.errors import ConfigError

    kafka = load_settings(config, bootstrap_servers).kafka
    for name in processes or PROCESSES:
        if name not in PROCESSES:
            raise ConfigError(f"{name!r}: expected one of {', '.join(PROCESSES)}")
        print("\n".join(commands(name, kafka, principal.format(process=name))))
