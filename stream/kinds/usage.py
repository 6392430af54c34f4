"""Product usage of one account: who used what on which day, and how events fold into it, a run of them at a time.

A run is what one chunk holds of one account, in order: what is asked of the account is asked once for all of them, and
the account's own memory is visited once. The result is that of the events one by one, however they are cut into runs.
"""

from collections.abc import Sequence
from typing import Final
from zlib import crc32

from crc32c import crc32c
from msgspec import Struct, field
from pydantic import Field

from stream.calendar.day import DAY_MS
from stream.calendar.zones import Zone
from stream.contracts.events import FUTURE_SLACK_MS, DatedEvent, Finite, Id, NotNegative
from stream.history import daily, rolling, windows
from stream.history.daily import Days
from stream.history.merged_days import Life, merged_days
from stream.history.rolling import COUNTS, DAYS, LAST_DAY, ORDINAL
from stream.kinds import sessions
from stream.kinds.kind import NO_CHANGE, EventKind
from stream.kinds.recent_ids import KEPT_MAX, RecentIds
from stream.kinds.sessions import Sessions

LATE_DAYS: Final = 97  # the longest window that usage is asked about (users known in 90 days, as of 7 days earlier)
KEPT_DAYS: Final = 120
ADOPTED_DAYS: Final = 30  # who used a feature within so many days counts as its user, and counts once
PRUNE_EVERY_DAYS: Final = 15
USERS_MAX: Final = 50_000
FEATURES_MAX: Final = 2_000
REMEMBERED_MAX: Final = 8  # users with the most active days, of those who are gone for longer than users are kept

_NEVER: Final = -(1 << 62)  # the day on which who never did it did it last
_UNREACHED: Final = 0  # a day that the account's days don't list any more


class UsageEvent(DatedEvent):
    """Someone of the account used a feature."""

    event_id: Id = Field(
        description="unique; a repeat among the account's last 500 events, of eight days, is applied once"
    )
    user_id: Id
    feature: Id
    session_id: Id | None = Field(None, description="what was done in one sitting; counted within one UTC day")
    duration_seconds: NotNegative | None = Field(
        None, description="how long this use took; those of a session's events add up"
    )
    value: Finite | None = None


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


class UsageState(Struct, array_like=True, gc=False):
    """Product usage.

    Attributes:
        users: user_id to the record of `rolling`.
        features: by name.
        next_ordinal: the ordinal of the next new user.
        newest_day: the newest day with usage; -1 before the first.
        first_ms: when the first usage happened; None before it.
        newest_ms: when the newest usage happened; 0 before the first.
        events: usage events applied, late ones included.
        repeated: events recognised as repeats of a remembered one.
        late: events older than every window.
        overflow: events of users or features beyond the bounds.
        recent_ids: of the last events, by which repeats are recognised.
        days: users, events and score of each day, for more than a year.
        sessions: of each of the last days, a sample of its sessions.
        most_days, most_seen_day: active days of the user who has the most in the account's life, and that user's last
            one; of several with as many, of the one seen last.
        remembered: users who are not kept any more, of these the ones with the most active days: (days, last day).
    """

    users: dict[str, list[int]] = {}
    features: dict[str, FeatureUse] = {}
    next_ordinal: int = 0
    newest_day: int = -1
    pruned_day: int = -1
    first_ms: int | None = None
    newest_ms: int = 0
    events: int = 0
    repeated: int = 0
    late: int = 0
    overflow: int = 0
    recent_ids: RecentIds = field(default_factory=RecentIds)
    days: Days = field(default_factory=Days)
    sessions: Sessions = {}
    most_days: int = 0
    most_seen_day: int = -1
    remembered: dict[str, tuple[int, int]] = {}


def fold_batch(activity: UsageState, events: Sequence[UsageEvent], zone: Zone | None) -> int:
    """Fold a run of usage events, whose timestamps are epoch milliseconds.

    Args:
        activity: the account's usage.
        events: in the order of their arrival.
        zone: where the account's days begin and end; None: in UTC.

    Returns:
        The index in the run of the first event that may have moved a measure; NO_CHANGE (-1): none has. Events that
        only raise counts, a feature used again by who counts as its user, repeats, and events older than every window
        move nothing.
    """
    # One long loop: a call for each of these steps would cost more than the step. What depends on the day alone is
    # found out once for all events of the day that come together.
    seen, users, features, days = activity.recent_ids.keys, activity.users, activity.features, activity.days
    newest_day, listed_day, at_day, most_days = activity.newest_day, -1, _UNREACHED, activity.most_days
    is_noted = is_closed = False
    day_users = day_events = 0
    newest_ms = activity.newest_ms
    first_ms = events[0].timestamp if activity.first_ms is None else activity.first_ms
    applied, first_change_index = 0, NO_CHANGE
    for index, event in enumerate(events):
        event_id = event.event_id.encode()
        key = crc32c(event_id) << 8 | crc32(event_id) & 0xFF  # `recent_ids.key_of`
        if key in seen:
            activity.repeated += 1
            continue
        seen[key] = None
        if len(seen) > KEPT_MAX:
            activity.recent_ids.forget_oldest()
        ms = event.timestamp
        applied += 1
        if ms > newest_ms:
            newest_ms = ms
        elif ms < first_ms:
            first_ms = ms
        day = ms // DAY_MS if zone is None else zone.day_of(ms)
        if day == listed_day:
            day = listed_day  # one object for all that remember it
        else:
            if day_events > 0:
                _count(days, at_day, day_users, day_events)
                day_users = day_events = 0
            if day > newest_day:
                _begin_day(activity, day)
                newest_day = day
            elif day == newest_day:
                day = newest_day
            elif day <= newest_day - LATE_DAYS:
                _fold_late(activity, event.feature, day)
                continue
            listed_day, at_day = day, _index_for(activity, day)
            is_noted = at_day != _UNREACHED and (day <= days.active.day or day <= days.recent.day)
            is_closed = newest_day - windows.HISTORY_DAYS <= day < days.open_day
        user = users.get(event.user_id)
        if user is None:
            user = _new_user(activity, event.user_id, day)
            if user is None:
                first_change_index = index if first_change_index == NO_CHANGE else first_change_index
                continue
            moved = True
        elif user[LAST_DAY] == day:
            user[COUNTS] += 1
            moved = False
        else:
            moved = rolling.touch(user, day)
        day_events += 1
        if moved:
            day_users += 1
            if is_noted:
                daily.count_noted(days, day)
            if is_closed:
                windows.count_late(days, user, day)
            if user[DAYS] >= most_days:
                if user[DAYS] > most_days or user[LAST_DAY] > activity.most_seen_day:
                    activity.most_seen_day = user[LAST_DAY]
                activity.most_days = most_days = user[DAYS]
        use = features.get(event.feature)
        if use is None:
            use = _new_feature(activity, event.feature, day)
            if use is None:
                first_change_index = index if first_change_index == NO_CHANGE else first_change_index
                continue
        elif day != use.last_day:
            use.last_day, use.bits = rolling.mark(use.last_day, use.bits, day)
            if day < use.first_day:
                use.first_day = day
                moved = True
        ordinal, used = user[ORDINAL], use.users
        last = used.get(ordinal, _NEVER)
        if day > last:
            used[ordinal] = day
            if last <= newest_day - ADOPTED_DAYS:
                moved = True
        if moved and first_change_index == NO_CHANGE:
            first_change_index = index
        if event.session_id is not None and day > newest_day - sessions.DAYS_KEPT:
            _fold_session(activity, event, event.session_id, day)
    if applied > 0:
        _count(days, at_day, day_users, day_events)
        activity.events += applied
        activity.first_ms, activity.newest_ms = first_ms, newest_ms
    return first_change_index


def note_look(activity: UsageState, day: int) -> None:
    """The account is looked at on a day: note what the next look would sum up again, forget ids of long ago.

    Nothing that anybody is told depends on it, so it is no reason to save the state.
    """
    daily.note_look(activity.days, day)
    activity.recent_ids.begin_day(day)


def _begin_day(activity: UsageState, day: int) -> None:
    """A day comes that is newer than any before."""
    if activity.newest_day < 0:  # the first one, with nothing to close or to forget
        activity.newest_day = activity.pruned_day = day
        return
    if day - max(activity.days.open_day, activity.days.first_day) > windows.HISTORY_DAYS:  # else it has nothing to do
        windows.close(activity.days, activity.users.values(), day)
    activity.newest_day = day
    if day - activity.pruned_day >= PRUNE_EVERY_DAYS:
        _prune(activity)


def _index_for(activity: UsageState, day: int) -> int:
    """The index of a day in the lists of the account's days; _UNREACHED: too old for them."""
    if day <= activity.newest_day - daily.LATE_DAYS:
        return _UNREACHED
    days = activity.days
    at = day - days.first_day - len(days.users)
    return at if -len(days.events) <= at < 0 else daily.index_for(days, day)


def _count(days: Days, at_day: int, users: int, events: int) -> None:
    """Add newly active users and events to the day at an index that `_index_for` gave."""
    if at_day != _UNREACHED:
        days.users[at_day] += users
        days.events[at_day] += events


def _new_user(activity: UsageState, user_id: str, day: int) -> list[int] | None:
    """A user's first event; None: there are too many users, which is counted."""
    if len(activity.users) >= USERS_MAX:
        activity.overflow += 1
        return None
    days_before = activity.remembered.pop(user_id)[0] if user_id in activity.remembered else 0
    user = activity.users[user_id] = rolling.new_user(activity.next_ordinal, day, days_before)
    activity.next_ordinal += 1
    return user


def _new_feature(activity: UsageState, feature: str, day: int) -> FeatureUse | None:
    """A feature's first use; None: there are too many features, which is counted."""
    if len(activity.features) >= FEATURES_MAX:
        activity.overflow += 1
        return None
    use = activity.features[feature] = FeatureUse(day, 1, {}, day, len(activity.features))
    return use


def _fold_session(activity: UsageState, event: UsageEvent, session_id: str, day: int) -> None:
    """Count an event into its session, where that is in the day's sample; alone it is no reason to evaluate at once."""
    key = sessions.hash_of(session_id)
    kept = activity.sessions.get(day)
    if kept is None:
        sessions.prune(activity.sessions, activity.newest_day)
    elif len(kept) >= sessions.KEPT_A_DAY and key > kept[-1][sessions.HASH]:
        return
    use = activity.features[event.feature]
    if use.ordinal < 0:  # a state of before there were sessions
        for ordinal, each in enumerate(activity.features.values()):
            each.ordinal = ordinal
    sessions.add(sessions.entry_for(activity.sessions, day, key), use.ordinal, event.duration_seconds)


def _fold_late(activity: UsageState, feature: str, day: int) -> None:
    """An event older than every window: it only tells that the feature was used at some time."""
    activity.late += 1
    use = activity.features.get(feature)
    if use is None and len(activity.features) < FEATURES_MAX:
        activity.features[feature] = FeatureUse(day, 1, {}, day, len(activity.features))
    elif use is not None:
        use.last_day, use.bits = rolling.mark(use.last_day, use.bits, day)
        if day < use.first_day:
            use.first_day = day


def _prune(activity: UsageState) -> None:
    """Forget users, and who used which feature, from before every window; a feature's own last day stays."""
    activity.pruned_day = activity.newest_day
    daily.close_best(activity.days, activity.newest_day - daily.LATE_DAYS)
    daily.close_active(activity.days, activity.newest_day - daily.NOTED_BACK_DAYS)
    horizon = activity.newest_day - KEPT_DAYS
    gone = [uid for uid, user in activity.users.items() if user[LAST_DAY] < horizon]
    for user_id in gone:
        user = activity.users.pop(user_id)
        activity.remembered[user_id] = user[DAYS], user[LAST_DAY]
    if gone:
        most = sorted(activity.remembered.items(), key=lambda item: (item[1], item[0]))[-REMEMBERED_MAX:]
        activity.remembered = dict(most)
    for use in activity.features.values():
        for ordinal in [o for o, day in use.users.items() if day < horizon]:
            del use.users[ordinal]


def merge(kept: UsageState, other: UsageState) -> None:
    """Take another account's usage in, as if one account had had all of it.

    `merged_days` says what nobody can know any more. An event that was sent to both accounts counts among the events of
    both; who was active on which day, with which feature and in which session, counts once.
    """
    if other.newest_day < 0 and not other.features:
        return
    mine, theirs = (
        Life(each.days, [[*user] for user in each.users.values()], each.newest_day) for each in (kept, other)
    )
    pairs = [([*kept.users[name]], [*user]) for name, user in other.users.items() if name in kept.users]
    kept.days = merged_days(mine, theirs, pairs)
    ordinals = _merge_users(kept, other)
    features = _merge_features(kept, other, ordinals)
    for day, sample in other.sessions.items():
        for session in sample:
            used = [features[each] for each in session[sessions.FEATURES :] if each in features]
            renumbered = [*session[: sessions.FEATURES], *used]
            sessions.take(kept.sessions, day, renumbered)
    ids = other.recent_ids.keys | kept.recent_ids.keys
    kept.recent_ids = RecentIds(dict.fromkeys([*ids][-KEPT_MAX:]))
    kept.first_ms = min((ms for ms in (kept.first_ms, other.first_ms) if ms is not None), default=None)
    kept.newest_ms = max(kept.newest_ms, other.newest_ms)
    kept.newest_day = max(kept.newest_day, other.newest_day)
    for name in ("events", "repeated", "late", "overflow"):
        setattr(kept, name, getattr(kept, name) + getattr(other, name))
    leads = [(each.most_days, each.most_seen_day) for each in (kept, other)]
    kept.most_days, kept.most_seen_day = max(*leads, *((user[DAYS], user[LAST_DAY]) for user in kept.users.values()))
    sessions.prune(kept.sessions, kept.newest_day)
    _prune(kept)


def _merge_users(kept: UsageState, other: UsageState) -> dict[int, int]:
    """Take another account's users in; returns by their ordinals there what they are here."""
    ordinals: dict[int, int] = {}
    for name, theirs in other.users.items():
        mine = kept.users.get(name)
        if mine is not None:
            ordinals[theirs[ORDINAL]] = mine[ORDINAL]
            kept.users[name] = rolling.merged(mine, theirs)
        elif len(kept.users) >= USERS_MAX:
            kept.overflow += 1
        else:
            ordinals[theirs[ORDINAL]] = kept.next_ordinal
            kept.users[name] = [kept.next_ordinal, *theirs[LAST_DAY:]]
            kept.next_ordinal += 1
    for name, (days, last_day) in other.remembered.items():
        before, before_day = kept.remembered.get(name, (0, -1))
        kept.remembered[name] = before + days, max(before_day, last_day)
    for name in [name for name in kept.remembered if name in kept.users]:
        kept.users[name][DAYS] += kept.remembered.pop(name)[0]
    return ordinals


def _merge_features(kept: UsageState, other: UsageState, ordinals: dict[int, int]) -> dict[int, int]:
    """Take another account's features in; returns by their ordinals there what they are here."""
    for uses in (kept.features, other.features):
        for ordinal, use in enumerate(uses.values()):
            use.ordinal = ordinal if use.ordinal < 0 else use.ordinal
    numbers: dict[int, int] = {}
    for name, theirs in other.features.items():
        users = {ordinals[each]: day for each, day in theirs.users.items() if each in ordinals}
        mine = kept.features.get(name)
        if mine is None and len(kept.features) >= FEATURES_MAX:
            kept.overflow += 1
            continue
        if mine is None:
            mine = FeatureUse(theirs.last_day, theirs.bits, users, theirs.first_day, len(kept.features))
            kept.features[name] = mine
        else:
            mine.last_day, mine.bits = rolling.merged_bits((mine.last_day, mine.bits), (theirs.last_day, theirs.bits))
            mine.first_day = min(mine.first_day, theirs.first_day)
            for ordinal, day in users.items():
                mine.users[ordinal] = max(day, mine.users.get(ordinal, day))
        numbers[theirs.ordinal] = mine.ordinal
    return numbers


def _happened_by_now(event: UsageEvent, now_ms: int) -> None:
    """A clock that is hours ahead counts as of now: a day that has not come would empty the measures of today."""
    if event.timestamp <= now_ms + FUTURE_SLACK_MS:
        event.timestamp = now_ms


KIND = EventKind(
    name="usage",
    topic="product-usage",
    contract=UsageEvent,
    state=UsageState,
    fold_batch=fold_batch,
    merge=merge,
    source="usage",
    stale_after_days=5.0,  # longer than any weekend: nobody at all using the product for so long is a feed that broke
    counts_repeats=True,
    ahead=_happened_by_now,
)
