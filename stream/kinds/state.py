"""The state of one account, and how each kind of event folds into it.

Invariants:

- The facts of each kind of event are kept apart and depend only on its own events, not on their order:
  so however the input topics interleave, the same events give the same facts. One exception: usage counts in the day
  that it is in the time zone known when it arrives, so a zone that comes or changes later counts from then on.
- Everything is bounded, by the modules of its kind.
- What can be derived is not stored; `published` is the one exception, the last published report.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from stream.calendar.zones import Zone, zone
from stream.contracts import health_override
from stream.contracts.decode import Answer, Outcome, Subscription, Ticket, Touchpoint, Update, Usage, epoch_ms
from stream.contracts.health_override import HealthOverride
from stream.contracts.report import Band
from stream.history import daily
from stream.kinds import outcome, subscription, survey, ticket, touchpoint, usage
from stream.kinds.outcome import OutcomeState
from stream.kinds.subscription import SubscriptionState
from stream.kinds.survey import SurveyState
from stream.kinds.ticket import TicketState
from stream.kinds.touchpoint import TouchpointState
from stream.kinds.usage import UsageState


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


class AccountState(Struct, array_like=True, gc=False):
    """Everything that is remembered of one account; the encoding is by position, so new fields go to the end.

    Attributes:
        version: of the encoding.
        profile: per field (value, epoch ms of the update that set it; 0 for an update without a time).
        published: the last published report; None before the first.
        needs_evaluation: whether facts have moved since; kept, so that a restart evaluates what was left.
        overrides: what people set by hand in the place of the scorecard's verdict, the oldest first.
    """

    version: int = 1
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


def fold_usages(state: AccountState, events: Sequence[Usage]) -> int:
    """Fold a run of usage events; returns the index of the first that may have moved a measure, or NO_CHANGE."""
    known = state.profile.get("timezone")
    return usage.fold(state.usage, events, None if known is None else zone(known[0]))


def fold_usage(state: AccountState, event: Usage) -> bool:
    """Fold one usage event; returns whether it may have moved a measure."""
    event.timestamp = epoch_ms(event.timestamp)
    return fold_usages(state, [event]) != usage.NO_CHANGE


def fold_ticket(state: AccountState, event: Ticket) -> bool:
    """Fold one ticket event; returns whether anything changed."""
    ms = epoch_ms(event.timestamp)
    return ticket.fold(state.ticket, event.ticket_id, ms, event.status, event.priority, event.category)


def fold_answer(state: AccountState, event: Answer) -> bool:
    """Fold one survey event; returns whether anything changed."""
    response_id = event.response_id if event.response_id is not None else event.event_id
    ms = epoch_ms(event.timestamp)
    return survey.fold(state.survey, response_id, ms, event.survey, event.user_id, event.score)


def fold_touchpoint(state: AccountState, event: Touchpoint) -> bool:
    """Fold one touchpoint; returns whether anything changed."""
    contact = touchpoint.Touchpoint(
        epoch_ms(event.timestamp), touchpoint.CODE[event.kind], event.user_id or "", event.response_id or ""
    )
    return touchpoint.fold(state.touchpoint, event.event_id, contact)


def fold_outcome(state: AccountState, event: Outcome) -> bool:
    """Fold one outcome; returns whether anything changed."""
    return outcome.fold(state.outcome, event.goal, epoch_ms(event.timestamp), event.value)


def fold_subscription(state: AccountState, event: Subscription) -> bool:
    """Fold one subscription event; returns whether anything changed."""
    change = subscription.SubscriptionChange(
        epoch_ms(event.timestamp),
        subscription.CODE[event.status],
        event.mrr if event.mrr is not None else -1.0,
        event.seats if event.seats is not None else -1,
        epoch_ms(event.renewal_at) if event.renewal_at is not None else -1,
        event.product or "",
    )
    return subscription.fold(state.subscription, event.subscription_id, change)


def fold_update(state: AccountState, event: Update) -> bool:
    """Fold one account update: per field the newest wins, among equals the last; returns if it changed."""
    at_ms = epoch_ms(event.timestamp) if event.timestamp is not None else 0
    changed = False
    for name, value in event.fields.items():
        if name == "health_override":
            changed = health_override.fold(state.overrides, _setting(value, at_ms)) or changed
            continue
        known = state.profile.get(name)
        if known is None or at_ms >= known[1]:
            changed = changed or known is None or known[0] != value
            state.profile[name] = (value, at_ms)
    return changed


def zone_of(state: AccountState) -> Zone:
    """The account's time zone; UTC while none is known."""
    known = state.profile.get("timezone")
    return zone(known[0] if known is not None else None)


def _setting(value: dict[str, Any] | None, set_ms: int) -> HealthOverride:
    """An override of the account feed, or its clearing, as a fact."""
    if value is None:
        return HealthOverride(set_ms, set_ms)
    score, band = value.get("score"), value.get("band")
    expires_ms = epoch_ms(datetime.fromisoformat(value["expires_at"]))
    return HealthOverride(
        set_ms, expires_ms, value["owner"], value["reason"], -1.0 if score is None else score, band if band else ""
    )


def newest_ms(state: AccountState) -> int | None:
    """When the newest event happened, account updates aside; None before the first."""
    newest = max(
        state.usage.newest_ms or 0,
        state.ticket.newest_ms,
        state.survey.newest_ms,
        state.touchpoint.newest_ms,
        state.outcome.newest_ms,
        state.subscription.newest_ms,
    )
    return newest or None


def watermark_ms(state: AccountState) -> int | None:
    """The newest moment that any event of the account names, account updates included; None: no event named one."""
    updated = max((at_ms for _, at_ms in state.profile.values()), default=0)
    updated = max(updated, state.overrides[-1].set_ms if state.overrides else 0)
    return max(newest_ms(state) or 0, updated) or None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AccountState)


def encode_state(state: AccountState) -> bytes:
    """The state as the value of its changelog record."""
    return _encoder.encode(state)


def decode_state(value: bytes) -> AccountState:
    """The reverse of `encode_state`; takes older encodings, too."""
    state = _decoder.decode(value)
    if state.published is not None and state.published.history:
        for day, score in state.published.history:
            daily.close_score(state.usage.days, day, score)
        state.published.history = []
    return state
