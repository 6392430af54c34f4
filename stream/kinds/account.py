"""The account feed: what the CRM knows of an account, and what people set by hand in the place of its score.

Field by field the newest update holds, among equals the last to arrive.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Protocol

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from stream.calendar.day import DAY_MS
from stream.calendar.names import ZoneName
from stream.calendar.zones import zone
from stream.contracts import health_override
from stream.contracts.events import (
    Contract,
    Id,
    InputEvent,
    Level,
    Moment,
    NotNegative,
    Seats,
    Text64,
    Text128,
    Text256,
    iso,
)
from stream.contracts.health_override import DAYS_MAX, HealthOverride
from stream.contracts.report import LifecycleStage
from stream.history import daily
from stream.kinds.kind import EventKind
from stream.kinds.usage import UsageState

_NAMED_APART: Final = frozenset(
    {"traits", "account_id", "event_id", "timestamp", "health_override", "erase_users", "aliases"}
)
ALIASES_MAX: Final = 200
TRAITS_MAX: Final = 32  # fields of the feed beyond the contract's, kept for rules of one's own
TRAIT_CHARS_MAX: Final = 128
TRAIT: Final = "trait."  # what their names in the profile begin with
_TRAIT_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _not_tiny(target: float) -> float:
    """A target that something can be divided by."""
    if 0 < abs(target) < 1e-6:
        raise PydanticCustomError("target_range", "expected 0, or at least 0.000001")
    return target


def _upper(value: object) -> object:
    """A CRM's own spelling of a currency: eur is EUR, and an empty text clears it."""
    return (value.strip().upper() or None) if isinstance(value, str) else value


Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Target = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False), AfterValidator(_not_tiny)]


class Goal(Contract):
    """A result that the customer wants, to be reached by a day."""

    name: Id
    target: Target | None = None
    due_at: Moment | None = None
    owner: Text128 = Field(None, description="who answers for it; left out: whoever owns the account")
    direction: Literal["up", "down"] = Field("up", description="down: less is better, as hours until an answer")
    start: Level | None = Field(None, description="the level that it starts from; up: 0 where it is left out")

    @model_validator(mode="after")
    def _leads_somewhere(self) -> "Goal":
        start, target = self.start, self.target
        if start is not None and target is not None and (start < target) is (self.direction == "down"):
            message = "expected a target that lies {direction} from the start"
            raise PydanticCustomError("goal_range", message, {"direction": self.direction})
        return self


class NewOverride(Contract):
    """A person's verdict in the place of the scorecard's: a score, or a band, until it expires."""

    score: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    band: Literal["healthy", "watch", "at_risk", "critical"] | None = None
    owner: Annotated[str, Field(min_length=1, max_length=128)] = Field(description="who answers for it")
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    expires_at: Moment = Field(description="when the scorecard's verdict holds again; at most 90 days after timestamp")

    @model_validator(mode="after")
    def _one_of_two(self) -> "NewOverride":
        if (self.score is None) == (self.band is None):
            raise PydanticCustomError("override", "expected either a score (0 to 100) or a band")
        return self


class NewBaseline(Contract):
    """A person's word that what the account does now is its new normal."""

    accepted_at: Moment = Field(description="the eight weeks up to then are what use is compared with from now on")
    owner: Annotated[str, Field(min_length=1, max_length=128)] = Field(description="who says so")
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class AccountEvent(InputEvent):
    """What the CRM knows of the account; a field left out stays as it is, null and "" clear it."""

    event_id: Id | None = None
    timestamp: Moment | None = Field(None, description="orders updates; without it the last to arrive wins")
    name: Text256 = None
    segment: Text64 = None
    lifecycle_stage: LifecycleStage | None = None
    licensed_seats: Seats | None = None
    owner: Text128 = None
    started_at: Moment | None = None
    renewal_at: Moment | None = None
    mrr: NotNegative | None = None
    currency: Annotated[str, BeforeValidator(_upper), Field(pattern="^[A-Z]{3}$")] | None = Field(
        None, description="of `mrr` (ISO 4217), as EUR; subscriptions name their own"
    )
    timezone: ZoneName | None = None
    goals: Annotated[list[Goal], Field(max_length=50)] | None = None
    aliases: Annotated[list[Id], Field(max_length=50)] | None = Field(
        None,
        description="what other tools call it, as zendesk:360001 or cus_0001: their events count for this account. "
        "They add to what was told before; a record without a value in the topic account-aliases takes one back",
    )
    health_override: NewOverride | None = Field(None, description="needs a timestamp; null clears")
    accepted_baseline: NewBaseline | None = Field(None, description="holds until null takes it back")
    traits: dict[str, str | float | bool | None] = Field(
        {}, description="any further fields: texts, numbers and flags, for rules of your own; null clears one"
    )
    erase_users: Annotated[list[Digest], Field(max_length=1000)] | None = Field(
        None, description="users to erase, each as the SHA-256 of the id, in hex; a record without a value: the account"
    )

    @model_validator(mode="before")
    @classmethod
    def _with_traits(cls, data: object) -> object:
        """What the contract does not name is kept as far as it is small and plain; the rest is ignored."""
        if not isinstance(data, dict):
            return data
        given = data.get("traits")
        further = {name: value for name, value in data.items() if name not in cls.model_fields and name != "type"}
        found = {**further, **given} if isinstance(given, dict) else further
        return {**data, "traits": {name: value for name, value in found.items() if _is_trait(name, value)}}

    @model_validator(mode="after")
    def _bounded(self) -> "AccountEvent":
        override = self.health_override
        if override is None:
            return self
        if self.timestamp is None:
            raise PydanticCustomError("override", "health_override: expected a timestamp beside it: when it was set")
        if not 0 < override.expires_at - self.timestamp <= DAYS_MAX * DAY_MS:
            raise PydanticCustomError(
                "override",
                "health_override.expires_at = {expires_at}: expected later than timestamp ({set_at}), "
                "and at most {days} days",
                {"expires_at": iso(override.expires_at), "set_at": iso(self.timestamp), "days": DAYS_MAX},
            )
        return self


def _is_trait(name: object, value: object) -> bool:
    """Whether a field is small and plain enough to be kept."""
    if not isinstance(name, str) or _TRAIT_NAME.fullmatch(name) is None:
        return False
    if isinstance(value, float | int):
        return math.isfinite(value)
    return value is None or (isinstance(value, str) and len(value) <= TRAIT_CHARS_MAX)


class Profiled(Protocol):
    """The part of an account that this feed makes; see `stream.kinds.state.AccountState`."""

    profile: dict[str, tuple[Any, int]]
    overrides: list[HealthOverride]
    usage: UsageState


def fold(account: Profiled, event: AccountEvent) -> bool:
    """Take one update in; returns whether it changed anything."""
    at_ms = event.timestamp if event.timestamp is not None else 0
    changed = False
    if "health_override" in event.model_fields_set:
        changed = health_override.fold(account.overrides, _override(event.health_override, at_ms))
    if event.aliases:
        changed = add_aliases(account, event.aliases, at_ms) or changed
    for name, trait in event.traits.items():
        changed = _take_trait(account, TRAIT + name, trait, at_ms) or changed
    for name, value in event.model_dump(mode="json", include=event.model_fields_set - _NAMED_APART).items():
        known = account.profile.get(name)
        if known is None or at_ms >= known[1]:
            changed = changed or known is None or known[0] != value
            account.profile[name] = (value, at_ms)
            if name == "accepted_baseline":
                _accept(account, event.accepted_baseline)
    return changed


def _take_trait(account: Profiled, key: str, value: str | float | bool | None, at_ms: int) -> bool:
    """Keep a trait; one more than TRAITS_MAX is dropped. Returns whether anything changed."""
    known = account.profile.get(key)
    if known is None:
        if value is None or sum(name.startswith(TRAIT) for name in account.profile) >= TRAITS_MAX:
            return False
        account.profile[key] = (value, at_ms)
        return True
    if at_ms < known[1]:
        return False
    account.profile[key] = (value, at_ms)
    return bool(known[0] != value)


def traits_of(profile: Mapping[str, tuple[Any, int]]) -> dict[str, str | float | bool]:
    """The traits that a profile holds, by name."""
    return {
        name.removeprefix(TRAIT): value
        for name, (value, _) in profile.items()
        if name.startswith(TRAIT) and value is not None
    }


def aliases_of(account: Profiled) -> list[str]:
    """What other tools call the account, as far as somebody said so."""
    known = account.profile.get("aliases")
    return [] if known is None else known[0]


def add_aliases(account: Profiled, aliases: list[str], at_ms: int) -> bool:
    """Remember other ids of the account, the newest ALIASES_MAX; returns whether there is a new one."""
    known = aliases_of(account)
    new = [alias for alias in dict.fromkeys(aliases) if alias not in known]
    if new:
        account.profile["aliases"] = ([*known, *new][-ALIASES_MAX:], at_ms)
    return bool(new)


def drop_alias(account: Profiled, alias: str) -> None:
    """An id is not the account's any more."""
    if alias in (known := aliases_of(account)):
        account.profile["aliases"] = ([each for each in known if each != alias], account.profile["aliases"][1])


def merge(kept: Profiled, other: Profiled) -> None:
    """Take in what another account's feed and people said; of two updates of one moment the kept one's holds."""
    for override in other.overrides:
        health_override.fold(kept.overrides, override)
    for name, (value, at_ms) in other.profile.items():
        if name == "aliases":
            add_aliases(kept, value, at_ms)
            continue
        known = kept.profile.get(name)
        if known is None or at_ms > known[1]:
            kept.profile[name] = (value, at_ms)
            if name == "accepted_baseline":
                _accept(kept, None if value is None else NewBaseline.model_validate(value))


def _accept(account: Profiled, baseline: NewBaseline | None) -> None:
    """From here on use is compared with what came since the accepted weeks; None: with the whole history again."""
    known = account.profile.get("timezone")
    own = zone(known[0] if known is not None else None)
    first_day = None if baseline is None else own.day_of(baseline.accepted_at) + 1 - daily.ACCEPTED_DAYS
    daily.accept_baseline(account.usage.days, first_day)


def _override(given: NewOverride | None, set_ms: int) -> HealthOverride:
    """An override of the account feed, or its clearing, as a fact."""
    if given is None:
        return HealthOverride(set_ms, set_ms)
    score = -1.0 if given.score is None else given.score
    return HealthOverride(set_ms, given.expires_at, given.owner, given.reason, score, given.band or "")


KIND = EventKind(name="account", topic="account-updates", contract=AccountEvent, state=None, fold=fold, merge=merge)
