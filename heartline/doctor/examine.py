"""All checks, in the order in which a first installation meets them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from alerts.config import read_config
from consumers.alerting.receivers.from_settings import make_receivers
from consumers.alerting.settings import AlertingSettings
from consumers.board.settings import BoardSettings, check_access
from heartline.doctor.aliases import check_aliases
from heartline.doctor.check import Check, broken, note, ok
from heartline.doctor.group import check_group
from heartline.doctor.kafka import check_kafka
from heartline.doctor.machine import check_machine, check_port
from heartline.doctor.quarantine import check_quarantine
from heartline.doctor.records import check_records
from heartline.doctor.redis import check_redis
from stream.config.settings import Settings, load
from stream.contracts.errors import ConfigError
from stream.scoring.scorecard_yaml import read_scorecards


def examine(config: Path | None) -> Iterator[Check]:
    """Check after check, as they come; what rests on wrong settings is left out.

    Args:
        config: the YAML file; None for the one that HEARTLINE_CONFIG names, if any.
    """
    yield from check_machine()
    try:
        settings, alerting, board = load(Settings, config), load(AlertingSettings, config), load(BoardSettings, config)
        check_access(board.board)
    except ConfigError as error:
        yield broken("settings", str(error), "correct them; nothing that depends on them was looked at")
        return
    yield ok("settings", "accepted")
    broker = asyncio.run(check_kafka(settings.kafka))
    yield from broker
    if {"topics", "partitions"} <= {check.name for check in broker if check.state == "ok"}:
        yield from check_group(settings.kafka)
    yield from asyncio.run(check_records(settings))
    yield from check_quarantine(settings.kafka)
    yield from check_aliases(settings.kafka)
    yield from check_redis(alerting.redis)
    yield check_scorecards(settings.scorecards)
    yield check_receivers(alerting)
    yield check_port("worker", settings.worker.metrics_port)
    yield check_port("alerting", alerting.alerting.metrics_port)
    yield check_port("board", board.board.metrics_port)


def check_scorecards(path: Path | None) -> Check:
    """The file of scorecards is one that the worker takes."""
    if path is None:
        return ok("scorecards", "the shipped one")
    try:
        cards = read_scorecards(path).cards
    except ConfigError as error:
        return broken("scorecards", str(error), "correct the file; the worker will not start with it")
    return ok("scorecards", f"{path}: {', '.join(card.name for card in cards)}")


def check_receivers(settings: AlertingSettings) -> Check:
    """Somebody is told, and with every secret in its place. Secrets are never shown, and nothing is sent."""
    try:
        receivers = make_receivers(read_config(settings.alerting.config), settings.slack)
    except ConfigError as error:
        return broken("receivers", str(error), "correct it; `heartline alerting` will not start")
    names = [channel.name for channel in receivers.channels]
    if not names:
        advice = "set HEARTLINE_SLACK__WEBHOOK_URL, or name receivers in the file of HEARTLINE_ALERTING__CONFIG"
        return note("receivers", "none: red flags are kept and exported, and told to nobody", advice)
    unreached = sorted(set(names) - receivers.routes.receivers())
    status = f"{', '.join(names)}: their secrets are in place; nothing was sent"
    if unreached:
        return note("receivers", status, f"no route leads to {', '.join(unreached)}")
    return ok("receivers", status)
