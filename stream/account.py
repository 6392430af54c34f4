"""The state of one account, and how each kind of event folds into it.

Invariants:

- The facts of each kind of event are kept apart and depend only on its own events, not on their order:
  so however the input topics interleave, the same events give the same facts. One exception: usage counts in the day
  that it is in the time zone known when it arrives, so a zone that comes or changes later counts from then on.
- Everything is bounded: users and feature users by KEPT_DAYS, features by FEATURES_MAX, what comes of the other
  kinds by their own modules, remembered event ids by SEEN_MAX.
- What can be derived is not stored; `judged` is the one exception, the last published judgement.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from stream import daily, outcomes, overrides, rolling, sessions, subscriptions, surveys, tickets, touchpoints, windows
from stream.daily import Days
from stream.decode import Answer, Outcome, Subscription, Ticket, Touchpoint, Update, Usage, epoch_ms
from stream.outcomes import Outcomes
from stream.overrides import Setting
from stream.report import Band
from stream.rolling import LAST_DAY, ORDINAL
from stream.sessions import Sessions, hash_of
from stream.subscriptions import Subscriptions
from stream.surveys import Sentiment
from stream.tickets import Support
from stream.touchpoints import Contacts
from stream.zones import Zone, zone

LATE_DAYS: Final = 97  # the longest window that usage is asked about (users known in 90 days, as of 7 days earlier)
KEPT_DAYS: Final = 120
PRUNE_EVERY_DAYS: Final = 15
SEEN_MAX: Final = 64
USERS_MAX: Final = 50_000
FEATURES_MAX: Final = 2_000

# What came of folding a usage event.
REPEATED, UNMOVED, MOVED, LATE, OVERFLOW = range(5)


class FeatureUse(Struct, array_like=True, gc=False):
    """The use of one feature.

    Attributes:
        last_day, bits: its day bitmap, as `rolling` has it.
        users: each user's newest day, by the user's ordinal.
        first_day: the day of its first use; -1: not known.
        ordinal: its short number within the account, for the sessions; -1: not yet given.
    """

    last_day: int
    bits: int
    users: dict[int, int]
    first_day: int = -1
    ordinal: int = -1


class Activity(Struct, array_like=True, gc=False):
    """Product usage.

    Attributes:
        users: user_id to the record of `rolling`.
        features: by name.
        next_ordinal: the ordinal of the next new user.
        newest_day: the newest day with usage; -1 before the first.
        first_ms, newest_ms: when the first and the newest usage happened; None before it.
        events: usage events applied, late ones included.
        repeated: events recognised as repeats of a remembered one.
        late: events older than every window.
        overflow: events of users or features beyond the bounds.
        seen: the last event ids, oldest first.
        days: users, events and score of each day, for more than a year.
        sessions: of each of the last days, a sample of its sessions.
    """

    users: dict[str, list[int]] = {}
    features: dict[str, FeatureUse] = {}
    next_ordinal: int = 0
    newest_day: int = -1
    pruned_day: int = -1
    first_ms: int | None = None
    newest_ms: int | None = None
    events: int = 0
    repeated: int = 0
    late: int = 0
    overflow: int = 0
    seen: dict[str, None] = {}
    days: Days = msgspec.field(default_factory=Days)
    sessions: Sessions = {}


class Judged(Struct, array_like=True, gc=False):
    """The last published judgement, to know what is news.

    Attributes:
        as_of_ms: when it was judged.
        score, band, coverage_ratio, score_7d_ago: as published.
        described: the profile as published, to notice its change.
        history: [day, score] of judged days as older states have it; `daily` keeps them now.
        band_since_day: the day on which the account came into its band.
        scorecard: which one judged.
        last_event_ms: when the newest event happened that the published report knew of; None before the first.
        model_band: the scorecard's band, where an override set another verdict; None without one.
        override: the override that held; None without one.
        day: the account's day on which it was judged.
        told_days: over how many days the reason told of a move; 0: of none.
        closings: the closing scores of 7, 14 and 28 days before, so that a comparison is noticed that goes stale.
    """

    as_of_ms: int
    score: float | None
    band: Band
    coverage_ratio: float
    score_7d_ago: float | None
    described: str
    history: list[tuple[int, float]]
    band_since_day: int = 0
    scorecard: str = ""
    last_event_ms: int | None = None
    model_band: Band | None = None
    override: Setting | None = None
    day: int = 0
    told_days: int = 0
    closings: tuple[float | None, ...] = ()


class AccountState(Struct, array_like=True, gc=False):
    """Everything that is remembered of one account; the encoding is by position, so new fields go to the end.

    Attributes:
        version: of the encoding.
        profile: per field (value, epoch ms of the update that set it; 0 for an update without a time).
        judged: the last published judgement; None before the first.
        unjudged: whether facts have moved since; kept, so that a restart judges what the last process did not.
        overrides: what people set by hand in the place of the scorecard's verdict, the oldest first.
    """

    version: int = 1
    activity: Activity = msgspec.field(default_factory=Activity)
    support: Support = msgspec.field(default_factory=Support)
    sentiment: Sentiment = msgspec.field(default_factory=Sentiment)
    profile: dict[str, tuple[Any, int]] = {}
    judged: Judged | None = None
    unjudged: bool = False
    contacts: Contacts = msgspec.field(default_factory=Contacts)
    outcomes: Outcomes = msgspec.field(default_factory=Outcomes)
    subscriptions: Subscriptions = msgspec.field(default_factory=Subscriptions)
    overrides: list[Setting] = []


def fold_usage(state: AccountState, event: Usage) -> int:
    """Fold one usage event; returns REPEATED, UNMOVED (only counts changed), MOVED, LATE or OVERFLOW."""
    activity = state.activity
    event_id = event.event_id
    seen = activity.seen
    if event_id in seen:
        activity.repeated += 1
        return REPEATED
    seen[event_id] = None
    if len(seen) > SEEN_MAX:
        del seen[next(iter(seen))]
    ms = epoch_ms(event.timestamp)
    known = state.profile.get("timezone")
    day = ms // rolling.DAY_MS if known is None else zone(known[0]).day_of(ms)
    activity.events += 1
    if activity.newest_ms is None:
        activity.first_ms = activity.newest_ms = ms
    elif ms > activity.newest_ms:
        activity.newest_ms = ms
    elif ms < activity.first_ms:  # type: ignore[operator]  # set together with newest_ms
        activity.first_ms = ms
    if day > activity.newest_day:
        if day - activity.days.open_day > windows.REACH_DAYS:
            windows.close(activity.days, activity.users.values(), day)
        activity.newest_day = day
        if day - activity.pruned_day >= PRUNE_EVERY_DAYS:
            _prune(activity)
    elif day <= activity.newest_day - LATE_DAYS:
        return _fold_late(activity, event.feature, day)
    outcome = _fold_active(activity, event.user_id, event.feature, day)
    if event.session_id is not None and outcome != OVERFLOW and day > activity.newest_day - sessions.DAYS_KEPT:
        key = hash_of(event.session_id)
        kept = activity.sessions.get(day)
        if kept is None or len(kept) < sessions.KEPT_A_DAY or key <= kept[-1][sessions.HASH]:
            _fold_session(activity, event, day, key)
    return outcome


def _fold_active(activity: Activity, user_id: str, feature: str, day: int) -> int:
    """Count a usage event whose day is inside the windows."""
    user = activity.users.get(user_id)
    if user is None:
        if len(activity.users) >= USERS_MAX:
            activity.overflow += 1
            return OVERFLOW
        user = activity.users[user_id] = rolling.new_user(activity.next_ordinal, day)
        activity.next_ordinal += 1
        moved = True
    else:
        moved = rolling.touch(user, day)
    if day > activity.newest_day - daily.LATE_DAYS:
        days = activity.days
        at = day - days.first_day
        if at < 0 or at >= len(days.events):
            at = daily.place(days, day)
        days.events[at] += 1
        if moved:
            days.users[at] += 1
            if day < days.open_day and day >= activity.newest_day - windows.REACH_DAYS:
                windows.count_late(days, user, day)
    use = activity.features.get(feature)
    if use is None:
        if len(activity.features) >= FEATURES_MAX:
            activity.overflow += 1
            return OVERFLOW
        activity.features[feature] = FeatureUse(day, 1, {user[ORDINAL]: day}, day, len(activity.features))
        return MOVED
    if day != use.last_day:
        use.last_day, use.bits = rolling.mark(use.last_day, use.bits, day)
        if day < use.first_day:
            use.first_day = day
    last = use.users.get(user[ORDINAL])
    if last is None or day > last:
        use.users[user[ORDINAL]] = day
        return MOVED
    return MOVED if moved else UNMOVED


def _fold_session(activity: Activity, event: Usage, day: int, key: int) -> None:
    """Count a usage event of the sample into its session; that alone is no reason to judge the account at once."""
    if day not in activity.sessions:
        sessions.prune(activity.sessions, activity.newest_day)
    use = activity.features[event.feature]
    if use.ordinal < 0:  # a state of before there were sessions
        for ordinal, each in enumerate(activity.features.values()):
            each.ordinal = ordinal
    sessions.add(sessions.place(activity.sessions, day, key), use.ordinal, event.duration_seconds)


def _fold_late(activity: Activity, feature: str, day: int) -> int:
    """An event older than every window: it only tells that the feature was used at some time."""
    activity.late += 1
    use = activity.features.get(feature)
    if use is None and len(activity.features) < FEATURES_MAX:
        activity.features[feature] = FeatureUse(day, 1, {}, day, len(activity.features))
    elif use is not None:
        use.last_day, use.bits = rolling.mark(use.last_day, use.bits, day)
        if day < use.first_day:
            use.first_day = day
    return LATE


def _prune(activity: Activity) -> None:
    """Forget users, and who used which feature, from before every window; a feature's own last day stays."""
    activity.pruned_day = activity.newest_day
    horizon = activity.newest_day - KEPT_DAYS
    for user_id in [uid for uid, user in activity.users.items() if user[LAST_DAY] < horizon]:
        del activity.users[user_id]
    for use in activity.features.values():
        for ordinal in [o for o, day in use.users.items() if day < horizon]:
            del use.users[ordinal]


def fold_ticket(state: AccountState, event: Ticket) -> bool:
    """Fold one ticket event; returns whether anything changed."""
    ms = epoch_ms(event.timestamp)
    return tickets.fold(state.support, event.ticket_id, ms, event.status, event.priority, event.category)


def fold_answer(state: AccountState, event: Answer) -> bool:
    """Fold one survey event; returns whether anything changed."""
    response_id = event.response_id if event.response_id is not None else event.event_id
    ms = epoch_ms(event.timestamp)
    return surveys.fold(state.sentiment, response_id, ms, event.survey, event.user_id, event.score)


def fold_touchpoint(state: AccountState, event: Touchpoint) -> bool:
    """Fold one touchpoint; returns whether anything changed."""
    touchpoint = touchpoints.Touchpoint(
        epoch_ms(event.timestamp), touchpoints.CODE[event.kind], event.user_id or "", event.response_id or ""
    )
    return touchpoints.fold(state.contacts, event.event_id, touchpoint)


def fold_outcome(state: AccountState, event: Outcome) -> bool:
    """Fold one outcome; returns whether anything changed."""
    return outcomes.fold(state.outcomes, event.goal, epoch_ms(event.timestamp), event.value)


def fold_subscription(state: AccountState, event: Subscription) -> bool:
    """Fold one subscription event; returns whether anything changed."""
    change = subscriptions.Change(
        epoch_ms(event.timestamp),
        subscriptions.CODE[event.status],
        event.mrr if event.mrr is not None else -1.0,
        event.seats if event.seats is not None else -1,
        epoch_ms(event.renewal_at) if event.renewal_at is not None else -1,
        event.product or "",
    )
    return subscriptions.fold(state.subscriptions, event.subscription_id, change)


def fold_update(state: AccountState, event: Update) -> bool:
    """Fold one account update: per field the newest wins, among equals the last; returns if it changed."""
    at_ms = epoch_ms(event.timestamp) if event.timestamp is not None else 0
    changed = False
    for name, value in event.fields.items():
        if name == "health_override":
            changed = overrides.fold(state.overrides, _setting(value, at_ms)) or changed
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


def _setting(value: dict[str, Any] | None, set_ms: int) -> Setting:
    """An override of the account feed, or its clearing, as a fact."""
    if value is None:
        return Setting(set_ms, set_ms)
    score, band = value.get("score"), value.get("band")
    expires_ms = epoch_ms(datetime.fromisoformat(value["expires_at"]))
    return Setting(
        set_ms, expires_ms, value["owner"], value["reason"], -1.0 if score is None else score, band if band else ""
    )


def newest_ms(state: AccountState) -> int | None:
    """When the newest event happened, account updates aside; None before the first."""
    others = (state.support, state.sentiment, state.contacts, state.outcomes, state.subscriptions)
    newest = max(state.activity.newest_ms or 0, *[part.newest_ms for part in others])
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
    if state.judged is not None and state.judged.history:
        for day, score in state.judged.history:
            daily.close_score(state.activity.days, day, score)
        state.judged.history = []
    return state
