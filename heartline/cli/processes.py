"""`heartline worker`, `alerting`, `board` and `intake`: the processes that make up an installation."""

from typing import Annotated

import typer

from heartline.cli.options import Config


def worker(config: Config = None) -> None:
    """Run the stream worker: events in, one live health report per account out.

    It takes its share of the partitions; start as many as needed, on any machines, with the same settings.
    It ends cleanly on Ctrl-C and SIGTERM, and goes on exactly where it stopped.

    [bold]Examples[/]

    \b
    KAFKA_BOOTSTRAP_SERVERS=kafka:9092 heartline worker
    heartline worker --config heartline.yaml
    HEARTLINE_WORKER__CLOCK=event heartline worker      [dim]# evaluate replayed history by its own time[/]
    """
    from stream.config.settings import Settings, load
    from stream.run import run_worker

    run_worker(load(Settings, config))


def alerting(config: Config = None) -> None:
    """Run the alerting consumer: health reports in, red flags to Slack and numbers to Prometheus out.

    Alert state and the outbox live in Redis, so a restart neither forgets nor repeats a red flag.

    [bold]Examples[/]

    \b
    KAFKA_BOOTSTRAP_SERVERS=kafka:9092 REDIS_URL=redis://redis:6379/0 heartline alerting
    HEARTLINE_SLACK__WEBHOOK_URL=... heartline alerting --config heartline.yaml
    """
    from consumers.alerting.process import run_alerting
    from consumers.alerting.settings import AlertingSettings
    from stream.config.settings import load

    run_alerting(load(AlertingSettings, config))


def board(
    port: Annotated[
        int | None, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Where it listens; 0: any free port.")
    ] = None,
    config: Config = None,
) -> None:
    """Run the board: accounts by health, why, and what to do, as pages for a browser and as a JSON API.

    It reads everything from Kafka and keeps nothing of its own, so any number may run. On this machine alone it asks
    nobody who they are; to listen beyond it, set a token or name a reverse proxy's header.

    [bold]Examples[/]

    \b
    heartline board
    heartline board --port 9000
    HEARTLINE_BOARD__HOST=0.0.0.0 HEARTLINE_BOARD__TOKEN=... heartline board
    """
    from consumers.board.process import run_board
    from consumers.board.settings import BoardSettings
    from stream.config.settings import load

    settings = load(BoardSettings, config)
    if port is not None:
        settings = settings.model_copy(update={"board": settings.board.model_copy(update={"port": port})})
    run_board(settings)


def intake(
    port: Annotated[
        int | None, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Where it listens; 0: any free port.")
    ] = None,
    config: Config = None,
) -> None:
    """Run the intake: events that come by HTTP, onto Kafka.

    It takes Segment's calls, the webhooks of eight vendors, and events as they are. An answer of 202 means that Kafka
    has them; any number of intakes may run.

    [bold]Examples[/]

    \b
    HEARTLINE_INTAKE__WRITE_KEYS='{"app": "<at least 16 characters>"}' heartline intake
    heartline intake --config heartline.yaml --port 8060
    """
    from consumers.intake.process import run_intake
    from consumers.intake.settings import IntakeSettings
    from stream.config.settings import load

    settings = load(IntakeSettings, config)
    if port is not None:
        settings = settings.model_copy(update={"intake": settings.intake.model_copy(update={"port": port})})
    run_intake(settings)
