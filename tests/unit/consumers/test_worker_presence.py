"""Whether a worker runs, as Kafka's answers say it; what Kafka does not answer is no news."""

import threading
from typing import Any

import pytest
from kafka.errors import GroupAuthorizationFailedError, KafkaTimeoutError

from consumers.worker_presence import WorkerPresence
from stream.config.settings import KafkaSettings

KAFKA = KafkaSettings()
GROUP = KAFKA.installation


class Admin:
    """Answers as told: the group's state and whether it ever committed, or an error."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.is_closed = False

    def list_group_offsets(self, groups: dict[str, None]) -> dict[str, Any]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return {name: {"any partition": 7} if self.answer[1] else {} for name in groups}

    def list_groups(self) -> list[dict[str, Any]]:
        return [{"group_id": GROUP, "group_state": self.answer[0]}] if self.answer[0] is not None else []

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    ("reason", "answers", "since"),
    [
        ("a worker is there", [("Stable", True)], None),
        ("workers are on their way", [("PreparingRebalance", True)], None),
        ("none ever was: an installation that begins", [(None, False)], None),
        ("none is there any more", [("Stable", True), ("Empty", True)], 1),
        ("since it was first seen", [("Empty", True), ("Empty", True), ("Empty", True)], 0),
        ("Kafka has dropped the group", [("Stable", True), (None, True)], 1),
        ("it is back", [("Empty", True), ("Stable", True)], None),
        ("back and gone: counted anew", [("Empty", True), ("Stable", True), ("Empty", True)], 2),
        ("an outage of Kafka brings nobody back", [("Empty", True), KafkaTimeoutError(), ("Empty", True)], 0),
        ("and takes nobody away", [("Stable", True), KafkaTimeoutError()], None),
        ("what may not be seen is not known", [("Empty", True), GroupAuthorizationFailedError()], None),
    ],
)
def test_since_when_no_worker_is_there(reason: str, answers: list[Any], since: int | None) -> None:
    """A look a minute; `since` is the minute."""
    admin, now = Admin(), [0]
    presence = WorkerPresence(KAFKA, lambda: now[0] * 60_000, lambda **_: admin)
    assert presence() is None, "before the first look nothing is known"
    for minute, answer in enumerate(answers):
        now[0], admin.answer = minute, answer
        presence.look()
    found = presence()
    assert (None if found is None else found.timestamp() / 60) == since, reason


def test_the_connection_is_closed_with_the_process() -> None:
    admin, stop = Admin(), threading.Event()
    admin.answer = ("Stable", True)
    presence = WorkerPresence(KAFKA, lambda: 0, lambda **_: admin)
    presence.look()
    stop.set()
    presence.run(stop)
    assert admin.is_closed
