"""Bytewax: a stateful map in memory; with RECOVERY=1 what changed is saved every few seconds, to survive a crash."""

import os
import tempfile
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, cluster_main
from job import AccountState, fold_event, reader
from meter import Meter, from_environment

from stream.contracts.events import InputEvent

config = from_environment()
meter = Meter(config.events)
read = reader(config.topics)


def parse(message: KafkaSourceMessage) -> tuple[str, InputEvent]:
    """A record as (account, event)."""
    meter.begin()
    event = read[message.topic](message.value)
    return event.account_id, event


def count(state: AccountState | None, event: InputEvent) -> tuple[AccountState, None]:
    """One event into its account's state, which is an object in memory."""
    state = AccountState() if state is None else state
    fold_event(state, event)
    meter.folded()
    return state, None


flow = Dataflow("peer")
messages = op.input("in", flow, KafkaSource([config.bootstrap], config.topics, tail=False, batch_size=5_000))
keyed = op.map("parse", messages, parse)
states = op.stateful_map("fold", keyed, count)
op.output("out", op.filter("drop", states, lambda _: False), TestingSink([]))

if __name__ == "__main__":
    if os.environ.get("RECOVERY"):
        folder = Path(tempfile.mkdtemp(prefix="peer-bytewax-"))
        init_db_dir(folder, 1)
        interval = timedelta(seconds=config.commit_seconds)
        cluster_main(flow, [], 0, recovery_config=RecoveryConfig(folder), epoch_interval=interval)
    else:
        cluster_main(flow, [], 0)
