"""An account's touchpoints: every contact that someone of ours had with it, one per event_id.

The newest version of a touchpoint holds, so repeats and late arrivals change nothing that they should not.
"""

from typing import Annotated, Final, Literal, get_args

from msgspec import Struct
from pydantic import Field

from stream.calendar.day import DAY_MS, day_of
from stream.contracts.events import DatedEvent, Id, NotKept, Words
from stream.kinds.kind import EventKind

# fmt: off
Contact = Literal[
    "call", "email", "qbr", "training", "onsite", "play", "meeting", "webinar",
    "review", "case_study", "reference", "referral",
]
# fmt: on
# What the account does for us is no contact with it: the portfolio counts it, the account's state does not need it.
ADVOCACY: Final = frozenset({"review", "case_study", "reference", "referral"})


CONTACT_WORDS: Final[dict[str, Contact]] = {
    "call": "call",
    "phone": "call",
    "email": "email",
    "mail": "email",
    "qbr": "qbr",
    "ebr": "qbr",
    "training": "training",
    "onsite": "onsite",
    "visit": "onsite",
    "play": "play",
    "meeting": "meeting",
    "webinar": "webinar",
    "review": "review",
    "case_study": "case_study",
    "reference": "reference",
    "referral": "referral",
}

CONTACTS: Final[tuple[Contact, ...]] = tuple(name for name in get_args(Contact) if name not in ADVOCACY)
CODE: Final = {name: code for code, name in enumerate(CONTACTS)}

KEPT_DAYS: Final = 210  # as long as the answers that a touchpoint may follow up
TOUCHPOINTS_MAX: Final = 2_000


class TouchpointEvent(DatedEvent):
    """Someone of ours was in contact with the account; applied once per event_id, in its newest version."""

    kind: Annotated[Contact, Words(CONTACT_WORDS)]
    user_id: Id | None = Field(None, description="with whom; closes the feedback loop of that user's answers")
    response_id: Id | None = Field(None, description="the survey answer that it followed up; closes that one's loop")
    owner: NotKept = None
    play: NotKept = Field(None, description="the playbook it was part of")
    alert_id: NotKept = Field(None, description="the alert that it answered")
    note: NotKept = None


class Touchpoint(Struct, array_like=True, gc=False, frozen=True, order=True):
    """One contact, in its newest version: of two at one moment the one that arrived later.

    Attributes:
        ms: when it happened, epoch ms.
        kind: index into CONTACTS.
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


def fold(contacts: TouchpointState, event: TouchpointEvent) -> bool:
    """Count one touchpoint, or a newer version of it, in; returns whether it changed anything."""
    if event.kind in ADVOCACY:
        return False
    event_id = event.event_id
    touchpoint = Touchpoint(event.timestamp, CODE[event.kind], event.user_id or "", event.response_id or "")
    known = contacts.touchpoints.get(event_id)
    if known is not None and (touchpoint.ms < known.ms or touchpoint == known):
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


def merge(kept: TouchpointState, other: TouchpointState) -> None:
    """Take another account's touchpoints in, as if one account had had all of them."""
    for event_id, theirs in other.touchpoints.items():
        mine = kept.touchpoints.get(event_id)
        if mine is None and len(kept.touchpoints) >= TOUCHPOINTS_MAX:
            kept.overflow += 1
        elif mine is None or theirs.ms > mine.ms:
            kept.touchpoints[event_id] = theirs
    kept.late += other.late
    kept.overflow += other.overflow
    kept.newest_ms = max(kept.newest_ms, other.newest_ms)
    _prune(kept)


KIND = EventKind(
    name="touchpoint",
    topic="touchpoints",
    contract=TouchpointEvent,
    state=TouchpointState,
    fold=fold,
    merge=merge,
    source="touchpoints",
)
