"""`heartline alert restore`: what alerting remembers, made again from Kafka after Redis was lost."""

import sys
from typing import Annotated

import typer

from heartline.cli.options import Config, Json, say


def restore(
    discard: Annotated[
        bool, typer.Option("--discard", help="Delete what Redis has of this installation first; alerting must not run.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Fill an empty Redis with open alerts, who has them, what was told, and silences, from the log of alerts.

    Alerting does the same by itself when it finds Redis empty, partition by partition; this does it beforehand, and
    shows what there is. Messages that no receiver had taken are told once alerting reads the accounts' reports again.

    [bold]Examples[/]

    \b
    heartline alert restore
    heartline alert restore --discard        [dim]# Redis came back with an old copy of its data[/]
    """
    from redis import RedisError

    from consumers.alerting.audit_log import AuditLog
    from consumers.alerting.outbox import Outbox
    from consumers.alerting.rebuild_state import read_steps, rebuild
    from consumers.alerting.settings import AlertingSettings
    from consumers.alerting.state import StateStore
    from consumers.kafka_client import partition_count
    from consumers.redis_client import connect
    from stream.config.settings import load
    from stream.contracts.errors import HeartlineError

    settings = load(AlertingSettings, config)
    client, prefix = connect(settings.redis), settings.redis.key_prefix
    store = StateStore(client, prefix, Outbox(client, prefix), AuditLog(client, prefix))
    restored = opened = silences = 0
    try:
        if discard:
            for key in list(client.scan_iter(f"{prefix}*")):
                client.delete(key)
        for partition in range(partition_count(settings.kafka, settings.kafka.topics.alerts)):
            if store.load(partition)[0] is not None:
                print(f"heartline: partition {partition}: Redis has it already; left as it is", file=sys.stderr)
                continue
            rebuilt = rebuild(read_steps(settings.kafka, partition))
            store.restore(partition, rebuilt)
            restored += len(rebuilt.records)
            opened += sum(each.alert is not None and each.alert.is_open for each in rebuilt.records)
            silences += len(rebuilt.silences)
    except RedisError as error:
        raise HeartlineError(
            f"Redis does not answer ({type(error).__name__}); check REDIS_URL, then run it again"
        ) from None
    finally:
        client.close()
    facts = {"accounts": restored, "open_alerts": opened, "silences": silences}
    say(as_json, facts, f"{restored} accounts restored, {opened} with an open alert, and {silences} silences")
