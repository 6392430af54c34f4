"""How long they stay, and how much of the product they touch meanwhile: sessions."""

from typing import Final

from stream.kinds.sessions import DAYS_KEPT, FEATURES, SECONDS, sample
from stream.kinds.usage import UsageState
from stream.measures.active_users import Measures
from stream.measures.trend import median

WINDOW_DAYS: Final = 30

_NO_SESSIONS: Final[Measures] = {"session_minutes": None, "components_per_session": None}


def sittings_of(activity: UsageState, day: int) -> Measures:
    """Median minutes and median distinct features of the sessions in the trailing 30 days.

    Exact while no day has more than three sessions, else of a uniform sample of them (`stream.kinds.sessions`). None
    where no session carries a duration, where there is none, and as of more than seven days before the newest usage.
    Source: docs/metrics.md, sessions.
    """
    if not activity.sessions or day < activity.newest_day - (DAYS_KEPT - WINDOW_DAYS):
        return _NO_SESSIONS
    found = sample(activity.sessions, day, WINDOW_DAYS)
    timed = [session[SECONDS] / 60 for session in found if session[SECONDS] >= 0]
    return {
        "session_minutes": median(timed) if timed else None,
        "components_per_session": median([len(session) - FEATURES for session in found]) if found else None,
    }
