"""Whether a worker runs: a consumer group that has worked once, and has no member now.

A dead worker is perfect calm: no report comes, so nothing says that scores stand still. And time goes on for the rules
that count days of silence. So alerting asks Kafka, beside its loop, since when nobody has been there.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.errors import GroupAuthorizationFailedError, KafkaError

from consumers.kafka_client import connection, opened
from stream.config.logs import get_logger
from stream.config.settings import KafkaSettings

LOOK_SECONDS: Final = 15.0
_WITHOUT_MEMBERS: Final = ("Empty", "Dead")

log = get_logger(__name__)


def group_states(admin: Any) -> dict[str, str | None]:
    """The state of each consumer group that Kafka lists for us."""
    return {group["group_id"]: group.get("group_state") for group in admin.list_groups()}


def is_absent(states: dict[str, str | None], group: str, *, has_committed: bool) -> bool:
    """Whether a group has worked once and has no member now; one that never committed is not awaited yet."""
    return has_committed and states.get(group, "Dead") in _WITHOUT_MEMBERS


def _make_admin(**options: Any) -> Any:
    return opened(KafkaAdminClient, **options)


class WorkerPresence:
    """Since when no worker is in its consumer group, asked every few seconds by a thread of its own.

    Args:
        kafka: where.
        clock_ms: the wall clock.
        make_admin: makes a KafkaAdminClient.
    """

    def __init__(
        self, kafka: KafkaSettings, clock_ms: Callable[[], int], make_admin: Callable[..., Any] = _make_admin
    ) -> None:
        self._kafka = kafka
        self._clock_ms = clock_ms
        self._make_admin = make_admin
        self._admin: Any = None
        self._absent_since: datetime | None = None
        self._is_denied = False

    def __call__(self) -> datetime | None:
        """Since when, as far as we have seen; None: a worker is there, none ever was, or it can't be known."""
        return self._absent_since

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        try:
            while not stop.wait(LOOK_SECONDS):
                self.look()
        finally:
            if self._admin is not None:
                self._admin.close()

    def look(self) -> None:
        """Ask once. What Kafka does not answer leaves what was known: an outage brings no worker back."""
        group = self._kafka.installation
        try:
            if self._admin is None:
                self._admin = self._make_admin(**connection(self._kafka, "heartline-alerting-presence"))
            committed = self._admin.list_group_offsets({group: None}).get(group)
            absent = is_absent(group_states(self._admin), group, has_committed=bool(committed))
        except GroupAuthorizationFailedError:
            self._absent_since = None
            if not self._is_denied:
                log.warning(
                    "Kafka does not let us see whether a worker runs: no pipeline incident will say that none does; "
                    "grant DESCRIBE on its group (heartline acls)",
                    group=group,
                )
            self._is_denied = True
        except KafkaError as error:
            log.debug("whether a worker runs is not known", error=type(error).__name__)
        else:
            now = datetime.fromtimestamp(self._clock_ms() / 1000, UTC)
            self._absent_since = (self._absent_since or now) if absent else None
