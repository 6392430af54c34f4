"""`heartline erase`: an account, or a user, out of all that the installation keeps."""

import asyncio
import json
import sys
from typing import Annotated

import typer

from heartline.cli.options import Config, Json


def erase(
    account_id: Annotated[str | None, typer.Option("--account", metavar="ID", help="The account's id.")] = None,
    user_id: Annotated[
        str | None,
        typer.Option("--user", metavar="ID", help="A user's id; of the account named, or of all that know them."),
    ] = None,
    wait_seconds: Annotated[
        float, typer.Option("--wait-seconds", min=0, help="How long to wait for the worker and alerting to act.")
    ] = 60.0,
    without_redis: Annotated[
        bool, typer.Option("--without-redis", help="Alerting is not used: leave Redis and its log alone.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Erase an account, or a user, and report what was removed and when Kafka's retention removes the rest.

    A tombstone on account-updates, which any program may write, does the same for an account; this writes it, and
    looks until the state, the report, alerting's memory and the log of alerts are without it. Run it again where it was
    cut off, or where a process did not run. Status 1: something is left.

    [bold]Examples[/]

    \b
    heartline erase --account acme
    heartline erase --user u-4711
    heartline erase --user u-4711 --account acme --json
    """
    from aiokafka.errors import KafkaError as AioKafkaError
    from kafka.errors import KafkaError
    from redis import RedisError

    from consumers.alerting.settings import AlertingSettings
    from consumers.redis_client import connect
    from heartline.erasure import run
    from stream.config.settings import load
    from stream.contracts.errors import HeartlineError

    if account_id is None and user_id is None:
        print("heartline: name an account (--account) or a user (--user)", file=sys.stderr)
        raise typer.Exit(2)
    settings = load(AlertingSettings, config)
    client = None if without_redis else connect(settings.redis)
    tell = _tell if sys.stderr.isatty() else lambda text: None
    try:
        if user_id is not None:
            report = asyncio.run(run.erase_user(settings, client, user_id, account_id, wait_seconds, tell))
        else:
            report = asyncio.run(run.erase_account(settings, client, account_id or "", wait_seconds, tell))
    except (AioKafkaError, KafkaError, RedisError) as error:
        raise HeartlineError(
            f"not everything is erased: {type(error).__name__}: {error}; run it again once Kafka and Redis answer"
        ) from None
    finally:
        if client is not None:
            client.close()
    if as_json:
        print(json.dumps(run.as_json(report), ensure_ascii=False))
    else:
        print("\n".join(run.lines(report)))
    if report.left:
        raise typer.Exit(1)


def _tell(text: str) -> None:
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
