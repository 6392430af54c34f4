"""What they say: surveys."""

from collections.abc import Sequence
from typing import Final

from stream.contracts.report import Number
from stream.kinds.survey import Dated, DatedAnswers, SurveyResponse, latest, scores
from stream.measures.contact import USERS_SHOWN
from stream.measures.context import MOMENTS_MAX, MeasureContext
from stream.measures.registry import Measure, Measures, measures
from stream.measures.wording import whole

WINDOW_DAYS: Final = 90

_NO_ANSWERS: Final[Measures] = {
    "nps": None,
    "nps_responses": 0,
    "nps_previous": None,
    "detractor_run": None,
    "detractor_run_users": [],
    "csat": None,
    "csat_mean": None,
    "csat_responses": 0,
    "ces_mean": None,
    "ces_responses": 0,
}


def _nps_words(before: Number | None, now: Number, _: Measures) -> str | None:
    """A move of the NPS in whole points; None where it was unknown.

    >>> _nps_words(45.4, -66.7, {}), _nps_words(12, -0.2, {})
    ('NPS 45 → −67', 'NPS 12 → 0')
    """
    return None if before is None else f"NPS {whole(before)} → {whole(now)}"


@measures(
    Measure(
        "nps",
        "NPS",
        "score",
        "points, −100..100",
        "100 x (users whose latest answer is 9 or 10 − users whose latest is 0 to 6) / users who answered, 90 days",
        none_when="nobody answered",
        reference="Five metrics; Reichheld 2003",
        phrase=_nps_words,
        published="scan",
    ),
    Measure(
        "nps_responses",
        "NPS answers",
        "count",
        "users",
        "users who answered NPS in 90 days",
        published="scan",
    ),
    Measure(
        "nps_previous",
        "NPS, the 90 days before",
        "score",
        "points",
        "`nps` of the 90 days before: NPS is a direction, not a point",
        none_when="nobody answered then",
        reference="Five metrics",
        published="scan",
    ),
    Measure(
        "detractor_run",
        "unhappy answers in a row (NPS)",
        "count",
        "users",
        "users whose latest NPS answer of 90 days is 0 to 6 and is newer than every latest answer of 7 to 10",
        none_when="nobody answered",
        reference="Five metrics",
        published="scan",
    ),
    Measure(
        "detractor_run_users",
        "who gave the unhappy answers in a row",
        "list",
        "user ids",
        "at most three of them, who answered last first",
        published="scan",
    ),
    Measure(
        "csat",
        "satisfied answers (CSAT)",
        "percent",
        "ratio",
        "share of answers of 4 or 5 (of 5) in 90 days, all answers",
        none_when="no answers",
        reference="Festival",
        published="scan",
    ),
    Measure(
        "csat_mean",
        "mean rating (CSAT)",
        "score",
        "1..5",
        "mean answer in 90 days, all answers",
        none_when="no answers",
        reference="Festival",
    ),
    Measure(
        "csat_responses",
        "CSAT answers",
        "count",
        "answers",
        "answers in 90 days",
        reference="Festival",
        published="scan",
    ),
    Measure(
        "ces_responses",
        "effort answers (CES)",
        "count",
        "answers",
        "answers in 90 days",
        published="scan",
    ),
    Measure(
        "ces_mean",
        "mean effort (CES)",
        "score",
        "1..7",
        "mean customer effort answer in 90 days, 7 is easiest",
        none_when="no answers",
        published="scan",
    ),
    source="surveys",
    available=lambda known: known.answers,
)
def sentiment_of(context: MeasureContext) -> Measures:
    """What they say. NPS counts each user's latest answer, so nobody votes twice, and each anonymous one.

    Source: docs/metrics.md.
    """
    if not context.state.survey.answers:
        return _NO_ANSWERS
    by_survey = context.account.answers
    answers = context.state.survey.answers
    if not isinstance(answers, DatedAnswers):
        return _of_day(context, by_survey)
    known = answers.measures.get(context.day)
    if known is None:
        if len(answers.measures) > MOMENTS_MAX:
            answers.measures.clear()
        known = answers.measures[context.day] = _of_day(context, by_survey)
    return known


def _of_day(context: MeasureContext, by_survey: tuple[list[Dated], ...]) -> Measures:
    """What the answers up to a day come to: no moment within it moves them."""
    first_day, day = context.day - WINDOW_DAYS + 1, context.day
    in_nps, in_csat, in_ces = by_survey
    given = [answer for _, answer in context.nps_answers.values()]
    now = [answer.score for answer in given]
    in_row = detractor_run(given)
    before = [answer.score for _, answer in latest(in_nps, first_day - WINDOW_DAYS, first_day - 1).values()]
    csat = scores(in_csat, first_day, day)
    ces = scores(in_ces, first_day, day)
    return {
        "nps": nps(now),
        "nps_responses": len(now),
        "nps_previous": nps(before),
        "detractor_run": len(in_row) if given else None,
        "detractor_run_users": [answer.user_id for answer in in_row if answer.user_id][:USERS_SHOWN],
        "csat": len([score for score in csat if score >= 4]) / len(csat) if csat else None,
        "csat_mean": _mean(csat),
        "csat_responses": len(csat),
        "ces_mean": _mean(ces),
        "ces_responses": len(ces),
    }


def nps(given: list[int]) -> float | None:
    """Net promoter score, -100..100: share of 9-10 less share of 0-6; None without answers. Source: Reichheld 2003.

    >>> nps([10, 9, 8, 3]), nps([])
    (25.0, None)
    """
    if not given:
        return None
    promoters = len([score for score in given if score >= 9])
    detractors = len([score for score in given if score <= 6])
    return 100 * (promoters - detractors) / len(given)


def detractor_run(given: Sequence[SurveyResponse]) -> list[SurveyResponse]:
    """The answers of 0 to 6 that are newer than every other one, the newest first.

    Args:
        given: each user's latest NPS answer.
    """
    other_ms = max([answer.ms for answer in given if answer.score > 6], default=-1)
    run = [answer for answer in given if answer.ms > other_ms]
    return sorted(run, key=lambda answer: (-answer.ms, answer.user_id)) if run else run


def _mean(given: list[int]) -> int | float | None:
    """The mean of scores, whole where it is; None without any. As the library's, which takes ten times as long.

    >>> _mean([4, 5]), _mean([5, 5]), _mean([])
    (4.5, 5, None)
    """
    if not given:
        return None
    whole, rest = divmod(sum(given), len(given))
    return sum(given) / len(given) if rest else whole
