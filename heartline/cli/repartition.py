"""`heartline repartition`: an installation to more partitions, or to another prefix."""

import asyncio
from typing import Annotated

import typer

from heartline.cli.options import Config, Json, say
from heartline.cli.progress import progress_bar


def repartition(
    to_prefix: Annotated[
        str, typer.Option("--to-prefix", metavar="PREFIX", help="kafka.topic_prefix of the new topics.")
    ],
    partitions: Annotated[
        int | None,
        typer.Option("--partitions", min=1, max=1000, help="How many the new topics have; as many as now without it."),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option("--leave-out", metavar="ACCOUNT", help="An account that does not come along; may be repeated."),
    ] = None,
    without_redis: Annotated[bool, typer.Option("--without-redis", help="Alerting is not used.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Move an installation to other topics: states, reports, alerts, what waits, and every input record, exactly once.

    Stop every worker and alerting process first; producers may go on. What they send meanwhile is moved by running it
    again, after they were turned over. A run that is killed at any moment is repeated, and goes on where it was. The
    old topics stay as they are.

    [bold]Examples[/]

    \b
    heartline repartition --to-prefix v2- --partitions 48
    heartline repartition --to-prefix v2- --leave-out acme      [dim]# out of what is kept for ever, too[/]
    """
    from aiokafka.errors import KafkaError
    from redis import RedisError

    from consumers.alerting.settings import AlertingSettings
    from consumers.redis_client import connect
    from heartline.repartition.run import next_steps
    from heartline.repartition.run import repartition as run
    from stream.config.settings import load
    from stream.contracts.errors import HeartlineError

    settings = load(AlertingSettings, config)
    old = settings.kafka
    changed = {"topic_prefix": to_prefix, "partitions": partitions or old.partitions}
    new = type(old).model_validate(old.model_dump() | changed).reading(old.topics.own)
    own_keys = settings.redis.key_prefix != f"{old.installation}:"
    new_keys = f"{to_prefix}{settings.redis.key_prefix}" if own_keys else f"{new.installation}:"
    client = None if without_redis else connect(settings.redis)
    try:
        with progress_bar() as tell:
            moved = asyncio.run(run(settings, new, client, new_keys, leave_out or (), tell))
    except* (KafkaError, RedisError) as errors:
        first = errors.exceptions[0]
        raise HeartlineError(
            f"not everything is moved: {type(first).__name__}: {first}; run it again once Kafka and Redis answer"
        ) from None
    finally:
        if client is not None:
            client.close()
    settings_to_change = {"kafka.topic_prefix": new.topic_prefix, "kafka.partitions": new.partitions}
    steps = list(next_steps(settings, new, moved))
    if own_keys:
        settings_to_change["redis.key_prefix"] = new_keys
        steps.append(f"Set redis.key_prefix = {new_keys!r}, too.")
    facts = {"records": moved.records, "accounts": moved.accounts, "topics": moved.topics, "set": settings_to_change}
    say(as_json, facts, "\n".join(steps))
