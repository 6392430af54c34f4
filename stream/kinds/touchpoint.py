"""An account's touchpoints: every contact that someone of ours had with it, one per event_id.

The newest version of a touchpoint holds, so repeats and late arrivals change nothing that they should not.
"""

from typing import Final

from msgspec import Struct

from stream.history.rolling import DAY_MS, day_of

KINDS: Final = ("call", "email", "qbr", "training", "onsite", "play")
CODE: Final = {name: code for code, name in enumerate(KINDS)}

KEPT_DAYS: Final = 210  # as long as the answers that a touchpoint may follow up
TOUCHPOINTS_MAX: Final = 2_000


class Touchpoint(Struct, array_like=True, gc=False, frozen=True, order=True):
    """One contact; ordered by time first, so that the newest version of it is the largest.

    Attributes:
        ms: when it happened, epoch ms.
        kind: index into KINDS.
        user_id, response_id: with whom, and after which survey answer; empty where it does not say.
    """

    ms: int
    kind: int
    user_id: str = ""
    response_id: str = ""


class TouchpointState(Struct, array_like=True, gc=False):
    """All touchpoints of an account.

    Attributes:
        touchpoints: by event_id.
        newest_ms: the newest one seen, which bounds what is kept; 0 before the first.
        late: touchpoints that arrived when their time had passed out of every window.
        overflow: touchpoints that were not kept because there were TOUCHPOINTS_MAX already.
    """

    touchpoints: dict[str, Touchpoint] = {}
    newest_ms: int = 0
    pruned_day: int = 0
    late: int = 0
    overflow: int = 0


def fold(contacts: TouchpointState, event_id: str, touchpoint: Touchpoint) -> bool:
    """Count one touchpoint, or a newer version of it, in; returns whether it changed anything."""
    known = contacts.touchpoints.get(event_id)
    if known is not None and touchpoint <= known:
        return False
    if known is None:
        if touchpoint.ms < contacts.newest_ms - KEPT_DAYS * DAY_MS:
            contacts.late += 1
            return False
        if len(contacts.touchpoints) >= TOUCHPOINTS_MAX:
            contacts.overflow += 1
            return False
    contacts.touchpoints[event_id] = touchpoint
    if touchpoint.ms > contacts.newest_ms:
        contacts.newest_ms = touchpoint.ms
        if day_of(touchpoint.ms) > contacts.pruned_day:
            _prune(contacts)
    return True


def _prune(contacts: TouchpointState) -> None:
    """Forget the touchpoints that no window can reach any more; the newest one always stays."""
    contacts.pruned_day = day_of(contacts.newest_ms)
    horizon = contacts.newest_ms - KEPT_DAYS * DAY_MS
    for event_id in [event_id for event_id, touchpoint in contacts.touchpoints.items() if touchpoint.ms < horizon]:
        del contacts.touchpoints[event_id]
