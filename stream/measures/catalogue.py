"""All measures of one account, put together."""

from stream.account import AccountState, zone_of
from stream.journey import NO_JOURNEY, Journey, progress
from stream.measures.features import features
from stream.measures.habit import habit, trend_of
from stream.measures.reach import reach
from stream.measures.sentiment import sentiment_of
from stream.measures.support import support_load
from stream.measures.tally import Measures, tally_of


def measure(
    state: AccountState,
    as_of_ms: int,
    core_features: frozenset[str] = frozenset(),
    journey: Journey = NO_JOURNEY,
    with_trend: bool = True,
) -> Measures:
    """All measures of one account.

    Args:
        state: its facts.
        as_of_ms: the moment, epoch milliseconds.
        core_features: the product's catalogue; empty: depth and balance are None.
        journey: its key actions and milestones, and when its customers work.
        with_trend: whether the trend is wanted; without it its measures are left out.

    Returns:
        Measure id to value: numbers, None where unknown, and a few mappings (per feature, priority, category).
    """
    zone = zone_of(state)
    day = zone.day_of(as_of_ms)
    calendar = journey.calendars.of(state.profile.get("segment", (None, 0))[0])
    seats = state.profile.get("licensed_seats", (None, 0))[0]
    found: Measures = {}
    tally = tally_of(state.activity, day)
    found.update(reach(tally, seats, day))
    found.update(habit(state.activity, tally, day, zone, calendar))
    if with_trend:
        found.update(trend_of(state.activity, day, calendar))
    found.update(features(state.activity, tally.mau, day, core_features))
    found.update(progress(state, day, journey))
    found.update(support_load(state.support, tally.mau, as_of_ms, zone))
    found.update(sentiment_of(state.sentiment, day, zone))
    return found
