"""`heartline report`: the portfolio as one HTML file."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from heartline.cli.options import Config, Json, say


def report(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The HTML file; replaced when it is there.")],
    accounts: Annotated[
        int, typer.Option("--accounts", metavar="N", min=0, max=2000, help="The N least healthy get a section each.")
    ] = 50,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write the portfolio as one HTML file that needs nothing else: to send, to print, to keep.

    Bands, who lost most, every account, and a section with charts for each of the least healthy. It reads Kafka as any
    consumer would and changes nothing.

    [bold]Examples[/]

    \b
    heartline report --out report.html
    heartline report --out monday.html --accounts 200
    """
    from kafka.errors import KafkaError

    from consumers.board.settings import BoardSettings
    from heartline.report.page import page
    from heartline.topics.kafka_follower import follow_kafka
    from stream.config.settings import load
    from stream.contracts.errors import HeartlineError

    settings = load(BoardSettings, config)
    with follow_kafka(settings) as found:
        read_model = found.wait_loaded()
        if len(read_model.accounts) == 0:
            raise HeartlineError(
                f"{read_model.topics.health} at {settings.kafka.bootstrap_servers} holds no health report yet; "
                "`heartline doctor` tells what is missing"
            )
        try:
            text = page(read_model, accounts, datetime.now(UTC), _progress)
        except KafkaError as error:
            raise HeartlineError(f"Kafka at {settings.kafka.bootstrap_servers} can't be read: {error}") from None
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise HeartlineError(f"{out}: can't be written: {error.strerror}; check the path given as --out") from None
    facts = {"file": str(out), "accounts": len(read_model.accounts), "bytes": len(text.encode())}
    say(as_json, facts, f"{out}: {len(read_model.accounts):,} accounts, {len(text) / 1e6:.1f} MB")


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{done} of {total} accounts", end=end, file=sys.stderr, flush=True)
