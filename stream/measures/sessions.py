"""How long they stay, and how much of the product they touch meanwhile: sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.kinds.sessions import DAYS_KEPT, FEATURES, SECONDS, sample
from stream.kinds.usage import UsageState
from stream.measures.registry import Measure, Measures, measures
from stream.measures.trend import median

if TYPE_CHECKING:
    from stream.measures.context import MeasureContext

WINDOW_DAYS: Final = 30
HISTORY_DAYS: Final = DAYS_KEPT - WINDOW_DAYS

_NO_SESSIONS: Final[Measures] = {"session_minutes": None, "components_per_session": None}


@measures(
    Measure(
        "session_minutes",
        "length of a session",
        "minutes",
        "minutes",
        "median over the sessions of the trailing 30 days that carry a duration",
        none_when="no session carries one",
        deserted=None,
        reference="That matter, Five metrics",
        history_days=HISTORY_DAYS,
    ),
    Measure(
        "components_per_session",
        "features in a session",
        "count",
        "features",
        "median over the sessions of the trailing 30 days of their distinct features",
        none_when="no sessions",
        deserted=None,
        reference="Five metrics",
        history_days=HISTORY_DAYS,
    ),
    source="usage",
    available=lambda known: known.sessions,
)
def sessions(context: MeasureContext) -> Measures:
    """The sessions, which engagement asks for, too."""
    return context.sessions


def session_measures(activity: UsageState, day: int) -> Measures:
    """Median minutes and median distinct features of the sessions in the trailing 30 days.

    Exact while no day has more than three sessions, else of a uniform sample of them (`stream.kinds.sessions`). None
    where no session carries a duration, where there is none, and as of more than seven days before the newest usage.
    Source: docs/metrics.md, sessions.
    """
    if not activity.sessions or day < activity.newest_day - HISTORY_DAYS:
        return _NO_SESSIONS
    found = sample(activity.sessions, day, WINDOW_DAYS)
    timed = [session[SECONDS] / 60 for session in found if session[SECONDS] >= 0]
    return {
        "session_minutes": median(timed) if timed else None,
        "components_per_session": median([len(session) - FEATURES for session in found]) if found else None,
    }
