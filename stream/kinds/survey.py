"""An account's survey answers: one per response_id, the newest version of it.

The newest version is chosen by its own time, so repeats and late arrivals change nothing that they should not.
"""

import math
from bisect import insort
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Struct
from pydantic import Field

from stream.calendar.day import DAY_MS, day_of
from stream.calendar.zones import Zone
from stream.contracts.errors import BadEvent
from stream.contracts.events import DatedEvent, Fast, Id, NotKept, Words
from stream.kinds.kind import EventKind

Survey = Literal["nps", "csat", "ces"]
Scale = Literal["0-10", "1-10", "1-7", "1-5", "1-4", "1-3", "0-100", "thumbs"]

SURVEYS: Final[tuple[Survey, ...]] = get_args(Survey)
# Highest and lowest answer of each kind of survey. Source: NPS 0-10 (Bain), CSAT 1-5, CES 1-7 (CEB's CES 2.0).
SCORE_RANGE: Final[dict[Survey, tuple[int, int]]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
# What else feeds ask on, by its lowest and highest answer.
SCALE_RANGE: Final[dict[Scale, tuple[int, int]]] = {
    "0-10": (0, 10),
    "1-10": (1, 10),
    "1-7": (1, 7),
    "1-5": (1, 5),
    "1-4": (1, 4),
    "1-3": (1, 3),
    "0-100": (0, 100),
    "thumbs": (0, 1),
}
_THUMBS: Final = {
    **dict.fromkeys(("up", "good", "positive", "yes", "true", "1", "satisfied"), 1),
    **dict.fromkeys(("down", "bad", "negative", "no", "false", "0", "unsatisfied", "dissatisfied"), 0),
}
SURVEY_CODE: Final = {name: code for code, name in enumerate(SURVEYS)}

KEPT_DAYS: Final = 210  # two windows of 90 days, looked at from up to 28 days later
ANSWERS_MAX: Final = 20_000
DATED_FROM: Final = 16  # answers of which sorting again costs more than remembering


class SurveyEvent(DatedEvent):
    """Someone answered a survey; a later event with the same response_id replaces the answer."""

    response_id: Id | None = Field(None, description="the answer's own id; the event_id when the feed has none")
    user_id: Id | None = Field(None, description="who answered; left out, the answer is nobody's and counts by itself")
    survey: Annotated[Survey, Words({name: name for name in SURVEYS})]
    score: Annotated[Any, Field(json_schema_extra={"type": ["number", "string", "boolean"]}), Fast(int)] = Field(
        description="nps 0..10, csat 1..5, ces 1..7, or an answer on the scale that is named"
    )
    scale: Annotated[Scale, Words({name: name for name in SCALE_RANGE})] | None = Field(
        None, description="on which the answer was given, where it is not the survey's own; it is put on that one"
    )
    comment: NotKept = None

    @classmethod
    def complete(cls, event: Any) -> None:
        """The score on its survey's own scale; an answer without an id of its own has its event's."""
        event.score = _on_own_scale(event.survey, event.score, event.scale)
        if event.response_id is None:
            event.response_id = event.event_id


def _on_own_scale(survey: Survey, score: object, scale: Scale | None) -> int:
    """An answer as its survey counts it.

    From another scale it is put on the straight line between the lowest and the highest answers, and to the nearest
    whole one; half way between two it is the lower, so that nobody is called satisfied who was half so.

    Raises:
        BadEvent: it is no answer on the scale.
    """
    low, high = SCORE_RANGE[survey] if scale is None else SCALE_RANGE[scale]
    if scale is None and type(score) is int and low <= score <= high:
        return score  # as nearly every answer
    if scale == "thumbs" and isinstance(score, str | bool):
        score = _THUMBS.get(str(score).lower(), score)
    if isinstance(score, float) and score.is_integer():
        score = int(score)
    if isinstance(score, bool) or not isinstance(score, int if scale is None else int | float):
        expected = "up, down, good, bad, true or false" if scale == "thumbs" else f"a valid integer, {low} to {high}"
        raise BadEvent("wrong_type", f"survey event: score = {score!r:.80}: expected {expected}")
    if not low <= score <= high:
        of = survey if scale is None else f"{survey} answer on {scale}: such an"
        raise BadEvent("out_of_range", f"survey event: score = {score}: a {of} answer is {low} to {high}")
    if scale is None:
        return int(score)
    own_low, own_high = SCORE_RANGE[survey]
    on_line = own_low + (score - low) * (own_high - own_low) / (high - low)
    return math.ceil(on_line - 0.5)


class SurveyResponse(Struct, array_like=True, gc=False, frozen=True, order=True):
    """One answer, in its newest version: of two at one moment the one that arrived later.

    Attributes:
        ms: when it was given, epoch ms.
        survey: index into SURVEYS.
        user_id: who gave it; empty where the answer is anonymous.
    """

    ms: int
    score: int
    survey: int
    user_id: str


Dated = tuple[SurveyResponse, str, int]  # with its response_id, and the day in the account's time zone


class DatedAnswers(dict[str, SurveyResponse]):
    """An account's answers, and their order: to who encodes, compares or reads it the plain mapping.

    The cache lives as long as the mapping, and is never encoded. A new answer comes into the order, and one that is
    replaced or forgotten undoes it.

    Attributes:
        measures: by day what the answers come to, in the zone that was asked for last; no answer came since.
    """

    __slots__ = ("_by_survey", "_zone", "measures")

    def __init__(self, answers: dict[str, SurveyResponse]) -> None:
        super().__init__(answers)
        self._zone: Zone | None = None
        self._by_survey: tuple[list[Dated], ...] = ()
        self.measures: dict[int, dict[str, Any]] = {}

    def dated(self, zone: Zone) -> tuple[list[Dated], ...]:
        """As the function of this name."""
        if self._zone is not zone:
            self._zone, self._by_survey, self.measures = zone, _dated(self, zone), {}
        return self._by_survey

    def __setitem__(self, response_id: str, answer: SurveyResponse) -> None:
        self.measures = {}
        if response_id in self:
            self._zone = None
        elif self._zone is not None:
            insort(self._by_survey[answer.survey], (answer, response_id, self._zone.day_of(answer.ms)))
        super().__setitem__(response_id, answer)

    def __delitem__(self, response_id: str) -> None:
        self._zone = None
        super().__delitem__(response_id)


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


def fold(sentiment: SurveyState, event: SurveyEvent) -> bool:
    """Count one answer, or a newer version of it, in; returns whether it changed anything."""
    ms, response_id = event.timestamp, event.response_id or event.event_id
    answer = SurveyResponse(ms, event.score, SURVEY_CODE[event.survey], event.user_id or "")
    known = sentiment.answers.get(response_id)
    if known is not None and (ms < known.ms or answer == known):
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


def merge(kept: SurveyState, other: SurveyState) -> None:
    """Take another account's answers in, as if one account had had all of them."""
    for response_id, theirs in other.answers.items():
        mine = kept.answers.get(response_id)
        if mine is None and len(kept.answers) >= ANSWERS_MAX:
            kept.overflow += 1
        elif mine is None or theirs.ms > mine.ms:
            kept.answers[response_id] = theirs
    kept.late += other.late
    kept.overflow += other.overflow
    kept.newest_ms = max(kept.newest_ms, other.newest_ms)
    _prune(kept)


def dated(sentiment: SurveyState, zone: Zone) -> tuple[list[Dated], ...]:
    """By survey all answers with the zone's day of each, the oldest first.

    Of two of one moment and score the one with the larger response_id comes last, whatever came first.
    """
    answers = sentiment.answers
    if not isinstance(answers, DatedAnswers):
        if len(answers) < DATED_FROM:
            return _dated(answers, zone)
        answers = sentiment.answers = DatedAnswers(answers)
    return answers.dated(zone)


def _dated(answers: dict[str, SurveyResponse], zone: Zone) -> tuple[list[Dated], ...]:
    found: tuple[list[Dated], ...] = tuple([] for _ in SURVEYS)
    day_of = zone.day_of
    for response_id, answer in answers.items():
        found[answer.survey].append((answer, response_id, day_of(answer.ms)))
    for of_survey in found:
        of_survey.sort()
    return found


# Whose answer it is: a user's id, or of an anonymous one its response_id, which is in a tuple to be no user's.
Respondent = str | tuple[str]


def latest(answers: list[Dated], first_day: int, last_day: int) -> dict[Respondent, tuple[str, SurveyResponse]]:
    """By user the latest answer among the days first_day..last_day, with its response_id; every anonymous one, too."""
    return {
        answer.user_id or (response_id,): (response_id, answer)
        for answer, response_id, day in answers
        if first_day <= day <= last_day
    }


def scores(answers: list[Dated], first_day: int, last_day: int) -> list[int]:
    """The score of every answer among the days first_day..last_day."""
    return [answer.score for answer, _, day in answers if first_day <= day <= last_day]


KIND = EventKind(
    name="survey",
    topic="survey-responses",
    contract=SurveyEvent,
    state=SurveyState,
    fold=fold,
    merge=merge,
    source="surveys",
)
