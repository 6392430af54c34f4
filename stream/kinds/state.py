"""The state of one account: a part for each kind of event, the profile, and the last published report.

Invariants:

- The facts of each kind of event are kept apart and depend only on its own events, not on their order:
  so however the input topics interleave, the same events give the same facts. One exception: usage counts in the day
  that it is in the time zone known when it arrives, so a zone that comes or changes later counts from then on.
- Everything is bounded, by the modules of its kind.
- What can be derived is not stored; `published` is the one exception, the last published report.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, cast

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from stream.calendar.zones import Zone, zone
from stream.contracts.errors import EngineError
from stream.contracts.health_override import HealthOverride
from stream.contracts.report import Band
from stream.history import columns, daily
from stream.history.columns import Column
from stream.kinds.alias import AliasState
from stream.kinds.kind import Kind
from stream.kinds.outcome import OutcomeState
from stream.kinds.recent_ids import NO_DAY, RecentIds
from stream.kinds.subscription import SubscriptionState
from stream.kinds.survey import SurveyState
from stream.kinds.ticket import TicketState
from stream.kinds.touchpoint import TouchpointState
from stream.kinds.usage import UsageState
from stream.kinds.user import UserState

# Of the encoding. Raise it with every change of what is stored, and write the migration.
STATE_VERSION: Final = 3


def _users_in_one_list(raw: list[Any]) -> list[Any]:
    """Version 2 packed the users of days long ago, and noted no day with its remembered ids."""
    usage = raw[1]
    recent_ids, days = (UsageState.__struct_fields__.index(name) for name in ("recent_ids", "days"))
    if len(usage) > recent_ids:
        usage[recent_ids] = NO_DAY + usage[recent_ids]
    if len(usage) > days and len(usage[days]) > _PACKED_USERS_AT:
        first_day, listed = usage[days][:2]
        packed = msgspec.convert(usage[days].pop(_PACKED_USERS_AT), Column)
        if packed.count > 0:
            older = columns.numbers(packed, packed.first_day, first_day)
            usage[days][:2] = [packed.first_day, [*[count or 0 for count in older], *listed]]
    return raw


_PACKED_USERS_AT: Final = 3  # among the days of version 2

# By version, the step from it to the next, on the decoded values by position. Version 1 was never released.
MIGRATIONS: Final[dict[int, Callable[[list[Any]], list[Any]]]] = {2: _users_in_one_list}


class StateVersionError(EngineError):
    """A state that another release wrote, and that this one must not touch."""


class PublishedReport(Struct, array_like=True, gc=False):
    """The last published report, to know whether to publish again.

    Attributes:
        as_of_ms: when it was evaluated.
        score, band, coverage_ratio, score_7d_ago: as published.
        digest: the profile as published, to notice its change.
        history: [day, score] of evaluated days as older states have it; `daily` keeps them now.
        band_since_day: the day on which the account came into its band.
        scorecard: which one scored.
        last_event_ms: when the newest event happened that the published report knew of; None before the first.
        model_band: the scorecard's band, where an override set another verdict; None without one.
        override: the override that held; None without one.
        day: the account's day on which it was evaluated.
        reason_days: over how many days the reason told of a move; 0: of none.
        closings: the closing scores of 7, 14 and 28 days before, so that a comparison is noticed that goes stale.
        scan_facts, day_facts: what readers of the report rest on (`scoring.facts`), to notice its change.
    """

    as_of_ms: int
    score: float | None
    band: Band
    coverage_ratio: float
    score_7d_ago: float | None
    digest: str
    history: list[tuple[int, float]]
    band_since_day: int = 0
    scorecard: str = ""
    last_event_ms: int | None = None
    model_band: Band | None = None
    override: HealthOverride | None = None
    day: int = 0
    reason_days: int = 0
    closings: tuple[float | None, ...] = ()
    scan_facts: int = 0
    day_facts: int = 0


class AccountState(Struct, array_like=True, gc=False):
    """Everything that is remembered of one account; the encoding is by position, so new fields go to the end.

    Attributes:
        version: of the encoding.
        profile: per field (value, epoch ms of the update that set it; 0 for an update without a time).
        published: the last published report; None before the first.
        needs_evaluation: whether facts have moved since; kept, so that a restart evaluates what was left.
        overrides: what people set by hand in the place of the scorecard's verdict, the oldest first.
        quarantined: whether an event or the evaluation raised: nothing is folded and evaluated until it is released.
        closed_day: the last day that was written to account-days; 0 before the first evaluation.
        reopened_day: the first of the closed days that an event came late for; 0: none.
        erasures: what was erased, and the Kafka timestamp up to which its records are passed over (`erasure`).
        alias: what the id is where it is no account's own; then nothing else is kept. None: an account.
    """

    version: int = STATE_VERSION
    usage: UsageState = msgspec.field(default_factory=UsageState)
    ticket: TicketState = msgspec.field(default_factory=TicketState)
    survey: SurveyState = msgspec.field(default_factory=SurveyState)
    profile: dict[str, tuple[Any, int]] = {}
    published: PublishedReport | None = None
    needs_evaluation: bool = False
    touchpoint: TouchpointState = msgspec.field(default_factory=TouchpointState)
    outcome: OutcomeState = msgspec.field(default_factory=OutcomeState)
    subscription: SubscriptionState = msgspec.field(default_factory=SubscriptionState)
    overrides: list[HealthOverride] = []
    quarantined: bool = False
    closed_day: int = 0
    reopened_day: int = 0
    erasures: list[tuple[str, int]] = []
    user: UserState = msgspec.field(default_factory=UserState)
    alias: AliasState | None = None


# The parts that kinds of events make; each knows when its newest event happened.
PARTS: Final[tuple[Kind, ...]] = tuple(
    cast(Kind, field.name)
    for field in fields(AccountState)
    if "newest_ms" in getattr(field.type, "__struct_fields__", ())
)
_newest_of_parts: Final = attrgetter(*[f"{name}.newest_ms" for name in PARTS])


def zone_of(state: AccountState) -> Zone:
    """The account's time zone; UTC while none is known."""
    known = state.profile.get("timezone")
    return zone(known[0] if known is not None else None)


def newest_by_kind(state: AccountState) -> dict[Kind, int]:
    """When the newest event of each kind happened, epoch milliseconds; without kinds that never told anything."""
    return {name: ms for name, ms in zip(PARTS, _newest_of_parts(state), strict=True) if ms > 0}


def newest_ms(state: AccountState) -> int | None:
    """When the newest event happened, account updates aside; None before the first."""
    return max(_newest_of_parts(state)) or None


def watermark_ms(state: AccountState) -> int | None:
    """The newest moment that any event of the account names, account updates included; None: no event named one."""
    updated = max((at_ms for _, at_ms in state.profile.values()), default=0)
    updated = max(updated, state.overrides[-1].set_ms if state.overrides else 0)
    return max(newest_ms(state) or 0, updated) or None


def _plain(value: object) -> bytes:
    """What msgspec does not know, as it is kept."""
    if isinstance(value, RecentIds):
        return value.pack()
    raise NotImplementedError


def _restored(kind: type, value: Any) -> object:
    """The reverse of `_plain`."""
    if kind is RecentIds and isinstance(value, bytes):
        return RecentIds.unpack(value)
    raise NotImplementedError


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_decoder = msgspec.msgpack.Decoder(AccountState, dec_hook=_restored)


def encode_state(state: AccountState) -> bytes:
    """The state as the value of its changelog record."""
    return _encoder.encode(state)


def decode_state(value: bytes) -> AccountState:
    """The reverse of `encode_state`; a state of an older version is migrated, step by step.

    Raises:
        StateVersionError: the state is of a newer version, or of one so old that no migration leads from it.
        DecodeError: it is no state.
    """
    try:
        state = _decoder.decode(value)
    except msgspec.ValidationError:
        state = _migrated(value)
    if state.version != STATE_VERSION:
        state = _migrated(value)
    if state.published is not None and state.published.history:
        for day, score in state.published.history:
            daily.close_score(state.usage.days, day, score)
        state.published.history = []
    return state


def _migrated(value: bytes) -> AccountState:
    """A state of another version than this one's.

    Raises:
        StateVersionError, DecodeError: as `decode_state`.
    """
    raw = msgspec.msgpack.decode(value)
    version = raw[0] if isinstance(raw, list) and raw else None
    if type(version) is not int or version == STATE_VERSION:
        raise msgspec.DecodeError("it is not the state of an account")
    if version > STATE_VERSION:
        raise StateVersionError(
            f"a state of version {version} is in the changelog, this release reads up to {STATE_VERSION}: a newer "
            "worker wrote it, and this one would drop what it does not know. Start the newer release again"
        )
    while version < STATE_VERSION:
        step = MIGRATIONS.get(version)
        if step is None:
            raise StateVersionError(
                f"a state of version {version} is in the changelog, and no step leads from it to {STATE_VERSION}: "
                "a release too old to migrate from wrote it. Use a new kafka.app_id, which folds everything again from "
                "what the input topics hold"
            )
        raw = step(raw)
        version += 1
        raw[0] = version
    return msgspec.convert(raw, AccountState, dec_hook=_restored)
