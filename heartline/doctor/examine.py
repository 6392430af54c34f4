"""All checks, in the order in which a first installation meets them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from consumers.alerting.settings import AlertingSettings
from consumers.board.settings import BoardSettings, check_access
from heartline.doctor.check import Check, broken, note, ok
from heartline.doctor.kafka import check_kafka
from heartline.doctor.machine import check_machine, check_port
from heartline.doctor.quarantine import check_quarantine
from heartline.doctor.redis import check_redis
from stream.config.settings import Settings, load
from stream.contracts.errors import ConfigError


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
    yield from asyncio.run(check_kafka(settings.kafka))
    yield from check_quarantine(settings.kafka)
    yield from check_redis(alerting.redis)
    yield check_slack(alerting)
    yield check_port("worker", settings.worker.metrics_port)
    yield check_port("alerting", alerting.alerting.metrics_port)
    yield check_port("board", board.board.metrics_port)


def check_slack(settings: AlertingSettings) -> Check:
    """Somebody is told. The address itself is a secret: the settings have checked its shape, and it is not shown."""
    if settings.slack.webhook_url is None:
        advice = "set HEARTLINE_SLACK__WEBHOOK_URL to an incoming webhook of your channel"
        return note("Slack", "no webhook: red flags are kept and exported, and told to nobody", advice)
    return ok("Slack", "a webhook is set and has the right shape; nothing was sent to it")
