"""An account's survey answers: one per response_id, the newest version of it.

The newest version is chosen by its own time, so repeats and late arrivals change nothing that they should not.
"""

from typing import Final

from msgspec import Struct

from stream.rolling import DAY_MS, day_of
from stream.zones import Zone

SURVEYS: Final = ("nps", "csat", "ces")
SURVEY_CODE: Final = {name: code for code, name in enumerate(SURVEYS)}

KEPT_DAYS: Final = 210  # two windows of 90 days, looked at from up to 28 days later
ANSWERS_MAX: Final = 20_000


class Answer(Struct, array_like=True, gc=False, frozen=True, order=True):
    """One answer; ordered by time first, so that the newest version of it is the largest."""

    ms: int
    score: int
    survey: int
    user_id: str


class Sentiment(Struct, array_like=True, gc=False):
    """All answers of an account.

    Attributes:
        answers: by response_id.
        newest_ms: the newest answer seen, which bounds what is kept.
        late: answers that arrived when their time had passed out of every window.
        overflow: answers that were not kept because there were ANSWERS_MAX already.
    """

    answers: dict[str, Answer] = {}
    newest_ms: int = 0
    pruned_day: int = 0
    late: int = 0
    overflow: int = 0


def fold(sentiment: Sentiment, response_id: str, ms: int, survey: str, user_id: str, score: int) -> bool:
    """Count one answer, or a newer version of it, in; returns whether it changed anything."""
    answer = Answer(ms, score, SURVEY_CODE[survey], user_id)
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


def _prune(sentiment: Sentiment) -> None:
    """Forget the answers that no window can reach any more."""
    sentiment.pruned_day = day_of(sentiment.newest_ms)
    horizon = sentiment.newest_ms - KEPT_DAYS * DAY_MS
    for response_id in [rid for rid, answer in sentiment.answers.items() if answer.ms < horizon]:
        del sentiment.answers[response_id]


def latest_scores(sentiment: Sentiment, survey: str, first_day: int, last_day: int, zone: Zone) -> list[int]:
    """Each user's latest score of one survey among the zone's days first_day..last_day, in no particular order."""
    return [answer.score for _, answer in latest(sentiment, survey, first_day, last_day, zone).values()]


def latest(
    sentiment: Sentiment, survey: str, first_day: int, last_day: int, zone: Zone
) -> dict[str, tuple[str, Answer]]:
    """By user the latest answer to one survey among the zone's days first_day..last_day, with its response_id.

    Of two of one moment and score the one with the larger response_id, whatever came first.
    """
    code = SURVEY_CODE[survey]
    found: dict[str, tuple[str, Answer]] = {}
    for response_id, answer in sentiment.answers.items():
        if answer.survey == code and first_day <= zone.day_of(answer.ms) <= last_day:
            known = found.get(answer.user_id)
            if known is None or (answer, response_id) > (known[1], known[0]):
                found[answer.user_id] = (response_id, answer)
    return found


def all_scores(sentiment: Sentiment, survey: str, first_day: int, last_day: int, zone: Zone) -> list[int]:
    """Every answer to one survey among the zone's days first_day..last_day."""
    code = SURVEY_CODE[survey]
    return [
        answer.score
        for answer in sentiment.answers.values()
        if answer.survey == code and first_day <= zone.day_of(answer.ms) <= last_day
    ]
