"""`heartline alert outbox`: what waits to be told, what was given up, and another try for it."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heartline.cli.options import Config, Json

if TYPE_CHECKING:
    from consumers.alerting.outbox import DeadLetter, Outbox, OutboxEntry

app = typer.Typer(help="What waits to be told, what was given up and why, and another try.", no_args_is_help=True)

Receiver = Annotated[str | None, typer.Option("--receiver", metavar="NAME", help="Of this receiver only.")]


@app.command("list")
def list_(receiver: Receiver = None, config: Config = None, as_json: Json = False) -> None:
    """List what waits for each receiver, and what was given up, with the reason.

    [bold]Example[/]

    \b
    heartline alert outbox list --receiver pager
    """
    with _outbox(config) as outbox:
        names = [name for name in outbox.receivers() if receiver in (None, name)]
        waiting = [item for name in names for item in outbox.waiting(name)]
        dead = [item for name in names for item in outbox.dead(name)]
    if as_json:
        listing = {"waiting": [_facts(item) for item in waiting], "dead": [_dead_facts(item) for item in dead]}
        print(json.dumps(listing, ensure_ascii=False))
        return
    for item in waiting:
        tries = f", tried {item.attempts} times" if item.attempts > 0 else ""
        print(f"waiting  {item.receiver}  {item.id}  {_age(item.created_ms)}{tries}")
    for letter in dead:
        item = letter.entry
        print(f"dead     {item.receiver}  {item.id}  {_age(item.created_ms)}: {letter.reason}")
    if not waiting and not dead:
        print("nothing waits, and nothing was given up")


@app.command()
def retry(
    receiver: Receiver = None,
    name: Annotated[str | None, typer.Option("--id", metavar="ID", help="This message only.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put messages that were given up back into their queues, as if they were written now.

    Do this once what stopped them is mended. A receiver that is no longer configured gives them up again.

    [bold]Example[/]

    \b
    heartline alert outbox retry --receiver pager
    """
    with _outbox(config) as outbox:
        names = [one for one in outbox.receivers() if receiver in (None, one)]
        letters = [item for one in names for item in outbox.dead(one) if name in (None, item.entry.id)]
        count = outbox.revive(letters, _now_ms())
    if as_json:
        print(json.dumps({"revived": count}))
    else:
        print(f"{count} messages will be tried again", file=sys.stdout)


@contextmanager
def _outbox(config: Path | None) -> Iterator["Outbox"]:
    """The installation's outbox.

    Raises:
        HeartlineError: Redis does not answer.
    """
    from consumers.alerting.outbox import Outbox
    from consumers.alerting.settings import AlertingSettings
    from consumers.errors import STORE_AWAY
    from consumers.redis_client import connect
    from stream.config.settings import load
    from stream.contracts.errors import HeartlineError

    settings = load(AlertingSettings, config)
    client = connect(settings.redis)
    try:
        yield Outbox(client, settings.redis.key_prefix)
    except STORE_AWAY as error:
        raise HeartlineError(
            f"Redis does not answer ({type(error).__name__}); check REDIS_URL, or redis.url in the configuration"
        ) from None
    finally:
        client.close()


def _facts(item: "OutboxEntry") -> dict[str, Any]:
    return {
        "receiver": item.receiver,
        "id": item.id,
        "account_id": item.notification.account_id,
        "created_ms": item.created_ms,
        "attempts": item.attempts,
    }


def _dead_facts(letter: "DeadLetter") -> dict[str, Any]:
    return _facts(letter.entry) | {"reason": letter.reason, "dead_lettered_ms": letter.dead_lettered_ms}


def _age(created_ms: int) -> str:
    from datetime import timedelta

    from alerts.text import duration

    return f"{duration(timedelta(milliseconds=max(_now_ms() - created_ms, 0)))} old"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
