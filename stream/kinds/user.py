"""The people of an account as its feed names them: name, e-mail and role, shown in the place of their ids.

Field by field the newest update holds, among equals the last to arrive; null and "" clear a field, and a person of whom
no field is left is forgotten. Who is here moves no measure: what people do comes by other feeds, with the same user_id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Struct
from pydantic import Field

from stream.contracts.events import Id, InputEvent, Moment, Text128, Text256, Words
from stream.kinds.kind import EventKind

Role = Literal["sponsor", "champion", "admin"]

ROLE_WORDS: Final[dict[str, Role]] = {name: name for name in get_args(Role)} | {
    "executive sponsor": "sponsor",
    "exec sponsor": "sponsor",
    "administrator": "admin",
    "owner": "admin",
}
PEOPLE_MAX: Final = 5_000

_FIELDS: Final = ("name", "email", "role", "deactivated")


class UserEvent(InputEvent):
    """Who someone of the account is; a field left out stays as it is, null and "" clear it."""

    event_id: Id | None = None
    user_id: Id
    timestamp: Moment | None = Field(None, description="orders updates; without it the last to arrive wins")
    name: Text128 = None
    email: Text256 = Field(None, description="optional: leave it out where nobody needs it")
    role: Annotated[Role, Words(ROLE_WORDS)] | None = None
    deactivated: bool | None = Field(None, description="true: this person has left")


_UNTOLD: Final = (None, 0)


class UserState(Struct, array_like=True, gc=False):
    """The people of an account.

    Attributes:
        people: user_id to field to (value, epoch ms of the update that set it; 0 for one without a time).
        changes: how often what is known of them changed.
        late: always 0: an old update still tells who somebody is.
        overflow: updates of people who were not kept because there were PEOPLE_MAX already.
    """

    people: dict[str, dict[str, tuple[Any, int]]] = {}
    changes: int = 0
    late: int = 0
    overflow: int = 0


@dataclass(frozen=True)
class Person:
    """Who a user is, as far as anybody told."""

    name: str | None = None
    email: str | None = None
    role: Role | None = None
    deactivated: bool = False


def fold(users: UserState, event: UserEvent) -> bool:
    """Take one update in; returns whether it changed anything."""
    at_ms = event.timestamp if event.timestamp is not None else 0
    given: dict[str, tuple[Any, int]] = {
        name: (getattr(event, name), at_ms) for name in _FIELDS if name in event.model_fields_set
    }
    return _take(users, event.user_id, given)


def _take(users: UserState, user_id: str, given: dict[str, tuple[Any, int]]) -> bool:
    """Take what is told of one person in."""
    known = users.people.get(user_id)
    if known is None:
        if all(value is None for value, _ in given.values()):
            return False
        if len(users.people) >= PEOPLE_MAX:
            users.overflow += 1
            return False
        known = users.people[user_id] = {}
    changed = False
    for name, (value, at_ms) in given.items():
        before = known.get(name)
        if before is None or at_ms >= before[1]:
            changed = changed or before is None or before[0] != value
            known[name] = value, at_ms
    if all(value is None for value, _ in known.values()):
        del users.people[user_id]
    users.changes += changed
    return changed


def merge(kept: UserState, other: UserState) -> None:
    """Take another account's people in; of two updates of one moment the kept one's holds."""
    for user_id, theirs in other.people.items():
        mine = kept.people.get(user_id, {})
        _take(
            kept, user_id, {name: pair for name, pair in theirs.items() if name not in mine or pair[1] > mine[name][1]}
        )
    kept.overflow += other.overflow


def person(users: UserState, user_id: str) -> Person | None:
    """Who a user is; None: nobody told."""
    known = users.people.get(user_id)
    if known is None:
        return None
    values = {name: value for name, (value, _) in known.items() if value is not None}
    return Person(**values)


def names_in(users: UserState, measures: Mapping[str, Any]) -> dict[str, str]:
    """What the users are called whom measures name by id, with their roles; without those of whom no name is known.

    >>> known = UserState({"u1": {"name": ("Ann Lee", 0), "role": ("champion", 0)}})
    >>> names_in(known, {"top_user": "u1", "champions_gone_users": ["u1", "u2"], "dau": 3})
    {'u1': 'Ann Lee (champion)'}
    """
    people = users.people
    if not people:
        return {}
    named: set[str] = set()
    for value in measures.values():
        if type(value) is list:
            named.update([each for each in value if type(each) is str and each in people])
        elif type(value) is str and value in people:
            named.add(value)
    found = {}
    for user_id in sorted(named):
        known = people[user_id]
        name, role = known.get("name", _UNTOLD)[0], known.get("role", _UNTOLD)[0]
        if name is not None:
            found[user_id] = f"{name} ({role})" if role is not None else name
    return found


def called(value: Any, names: Mapping[str, str]) -> Any:
    """A measure's value with names in the place of ids.

    >>> called(["u1", "u2"], {"u1": "Ann Lee"}), called("u1", {"u1": "Ann Lee"}), called(7, {"u1": "Ann Lee"})
    (['Ann Lee', 'u2'], 'Ann Lee', 7)
    """
    if isinstance(value, list):
        return [called(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def with_names(measures: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The measures with names in the place of ids."""
    if not names:
        return measures
    words: dict[str, Any] = {}
    for name, value in measures.items():
        if type(value) is str:
            if value in names:
                words[name] = names[value]
        elif type(value) is list and value:
            words[name] = called(value, names)
    return measures | words


KIND = EventKind(name="user", topic="users", contract=UserEvent, state=UserState, fold=fold, merge=merge)
