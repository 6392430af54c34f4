"""An account's survey answers: one per response_id, the newest version of it.

The newest version is chosen by its own time, so repeats and late arrivals change nothing that they should not.
"""

from typing import Final

from msgspec import Struct

from stream.calendar.zones import Zone
from stream.history.rolling import DAY_MS, day_of

SURVEYS: Final = ("nps", "csat", "ces")
SURVEY_CODE: Final = {name: code for code, name in enumerate(SURVEYS)}

KEPT_DAYS: Final = 210  # two windows of 90 days, looked at from up to 28 days later
ANSWERS_MAX: Final = 20_000


class SurveyResponse(Struct, array_like=True, gc=False, frozen=True, order=True):
    """One answer; ordered by time first, so that the newest version of it is the largest."""

    ms: int
    score: int
    survey: int
    user_id: str


Dated = tuple[SurveyResponse, str, int]  # with its response_id, and the day in the account's time zone


class SurveyState(Struct, array_like=True, gc=False):
    """All answers of an account.

    Attributes:
        answers: by response_id.
        newest_ms: the newest answer seen, which bounds what is kept.
        late: answers that arrived when their time had passed out of every window.
        overflow: answers that were not kept because there were ANSWERS_MAX already.
    """

    answers: dict[str, SurveyResponse] = {}
    newest_ms: int = 0
    pruned_day: int = 0
    late: int = 0
    overflow: int = 0


def fold(sentiment: SurveyState, response_id: str, ms: int, survey: str, user_id: str, score: int) -> bool:
    """Count one answer, or a newer version of it, in; returns whether it changed anything."""
    answer = SurveyResponse(ms, score, SURVEY_CODE[survey], user_id)
    known = sentiment.answers.get(response_id)
    if known is not None and answer <= known:
        return False
    if known is None:
        if ms < sentiment.newest_ms - KEPT_DAYS * DAY_MS:
            sentiment.late += 1
            return False
        if len(sentiment.answers) >= ANSWERS_MAX:
            sentiment.overflow += 1
            return False
    sentiment.answers[response_id] = answer
    if ms > sentiment.newest_ms:
        sentiment.newest_ms = ms
        if day_of(ms) > sentiment.pruned_day:
            _prune(sentiment)
    return True


def _prune(sentiment: SurveyState) -> None:
    """Forget the answers that no window can reach any more."""
    sentiment.pruned_day = day_of(sentiment.newest_ms)
    horizon = sentiment.newest_ms - KEPT_DAYS * DAY_MS
    for response_id in [rid for rid, answer in sentiment.answers.items() if answer.ms < horizon]:
        del sentiment.answers[response_id]


def dated(sentiment: SurveyState, zone: Zone) -> tuple[list[Dated], ...]:
    """By survey all answers with the zone's day of each, the oldest first.

    Of two of one moment and score the one with the larger response_id comes last, whatever came first.
    """
    found: tuple[list[Dated], ...] = tuple([] for _ in SURVEYS)
    day_of = zone.day_of
    for response_id, answer in sentiment.answers.items():
        found[answer.survey].append((answer, response_id, day_of(answer.ms)))
    for answers in found:
        answers.sort()
    return found


def latest(answers: list[Dated], first_day: int, last_day: int) -> dict[str, tuple[str, SurveyResponse]]:
    """By user the latest answer among the days first_day..last_day, with its response_id."""
    return {
        answer.user_id: (response_id, answer) for answer, response_id, day in answers if first_day <= day <= last_day
    }


def scores(answers: list[Dated], first_day: int, last_day: int) -> list[int]:
    """The score of every answer among the days first_day..last_day."""
    return [answer.score for answer, _, day in answers if first_day <= day <= last_day]
