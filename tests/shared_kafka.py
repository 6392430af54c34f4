"""One broker for all processes of a run with pytest-xdist: three of them cost two more starts, and each idles, too.

The process that was asked for the run owns the broker, since it outlives the others, and starts it when the first of
them asks.
"""

import os
import threading
from contextlib import ExitStack
from multiprocessing.connection import Client, Connection, Listener
from typing import Final

from tests.servers import Kafka, Way, kafka_for_tests

_ADDRESS: Final = "TESTS_KAFKA_OWNER"


class KafkaOwner:
    """Answers each connection with the broker's address; the first one waits for its start."""

    def __init__(self) -> None:
        self._listener = Listener(family="AF_UNIX")
        self._stack = ExitStack()
        os.environ[_ADDRESS] = str(self._listener.address)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        kafka: Kafka | None = None
        while True:
            try:
                asking = self._listener.accept()
            except OSError:
                return  # closed
            with asking:
                kafka = kafka or self._start(asking)
                if kafka is not None:
                    asking.send((kafka.bootstrap_servers, kafka.way.name))

    def _start(self, asking: Connection) -> Kafka | None:
        try:
            return self._stack.enter_context(kafka_for_tests())
        except Exception as error:  # whatever it is, who asked says so
            asking.send(error)
            return None

    def close(self) -> None:
        """End the broker, if it was started."""
        self._listener.close()
        self._stack.close()


def shared_kafka() -> Kafka | None:
    """The broker of the run that this process is a part of; None where there is no owner."""
    if (address := os.environ.get(_ADDRESS)) is None:
        return None
    with Client(address, family="AF_UNIX") as owner:
        answer = owner.recv()
    if isinstance(answer, Exception):
        raise answer
    bootstrap_servers, way = answer
    return Kafka(bootstrap_servers, Way[way])
