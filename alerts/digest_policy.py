"""When many messages at once become one: which of those that wait for a receiver go by themselves, and which together.

Pure. As long as no more than `after` would go out within `within_seconds`, each goes by itself. Beyond that the rest is
collected into one digest, and another follows a window later at the earliest. Critical ones go by themselves, up to a
limit of their own; so does what speaks of no account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from alerts.context import DigestSettings
from alerts.notification import BY_HAND, AlertNotification

DeliveryKind = Literal["one", "critical", "digest"]

GROUPED_MIN: Final = 3


@dataclass(frozen=True)
class PendingDelivery:
    """A message that could go now: its id, the message that must be out before it, and what it says."""

    id: str
    after: str | None
    notification: AlertNotification


@dataclass(frozen=True)
class DigestPlan:
    """What goes now.

    Args:
        is_burst: whether more would go out than may by themselves; if not, everything goes as ever.
        individual: in a storm, ids that may go by themselves, the first to be tried first; the others wait.
        grouped: ids that go as one digest, once nothing of `individual` can go.
        criticals: those of `individual` that go for being critical, and count by themselves.
        reason: why.
    """

    is_burst: bool
    individual: tuple[str, ...]
    grouped: tuple[str, ...]
    criticals: frozenset[str]
    reason: str


def plan_delivery(
    waiting: Sequence[PendingDelivery], sent: Sequence[tuple[DeliveryKind, int]], settings: DigestSettings, now_ms: int
) -> DigestPlan:
    """Decide what goes now.

    Args:
        waiting: what could go, in its order.
        sent: what went to the receiver, and when, epoch milliseconds; older than the window does not count.
        settings: the limits.
        now_ms: the moment, epoch milliseconds.
    """
    recent = [(went, at_ms) for went, at_ms in sent if at_ms > now_ms - settings.within_seconds * 1000]
    left = settings.critical_after - sum(1 for went, _ in recent if went == "critical")
    criticals: list[str] = []
    individual: list[str] = []
    rest: list[str] = []
    for item in waiting:
        if item.after in rest:
            rest.append(item.id)  # the messages of an episode keep their order
        elif item.notification.account_id is None or item.notification.kind in BY_HAND:
            individual.append(item.id)
        elif item.notification.severity == "critical" and len(criticals) < left:
            criticals.append(item.id)
            individual.append(item.id)
        else:
            rest.append(item.id)
    went = sum(1 for kind, _ in recent if kind != "critical")
    if went + len(rest) <= settings.after:
        return DigestPlan(False, (), (), frozenset(criticals), f"{went} in the window, and {len(rest)} more: no storm")
    if len(rest) < GROUPED_MIN or any(kind == "digest" for kind, _ in recent):
        return DigestPlan(True, tuple(individual), (), frozenset(criticals), f"a storm: {len(rest)} are collected")
    return DigestPlan(True, tuple(individual), tuple(rest), frozenset(criticals), f"a storm: {len(rest)} as one")
