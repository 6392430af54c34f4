"""What they say: surveys."""

from statistics import mean
from typing import Final

from stream import surveys
from stream.measures.asked import Asked
from stream.measures.tally import Measures

_NO_ANSWERS: Final[Measures] = {
    "nps": None,
    "nps_responses": 0,
    "nps_previous": None,
    "csat": None,
    "csat_mean": None,
    "csat_responses": 0,
    "ces_mean": None,
}


def sentiment_of(asked: Asked) -> Measures:
    """What they say. NPS counts each user's latest answer, so nobody votes twice. Source: docs/metrics.md."""
    sentiment, day, zone = asked.state.sentiment, asked.day, asked.zone
    if not sentiment.answers:
        return _NO_ANSWERS
    scores = [answer.score for _, answer in asked.nps_answers.values()]
    before = surveys.latest_scores(sentiment, "nps", day - 179, day - 90, zone)
    csat = surveys.all_scores(sentiment, "csat", day - 89, day, zone)
    ces = surveys.all_scores(sentiment, "ces", day - 89, day, zone)
    return {
        "nps": nps(scores),
        "nps_responses": len(scores),
        "nps_previous": nps(before),
        "csat": sum(score >= 4 for score in csat) / len(csat) if csat else None,
        "csat_mean": mean(csat) if csat else None,
        "csat_responses": len(csat),
        "ces_mean": mean(ces) if ces else None,
    }


def nps(scores: list[int]) -> float | None:
    """Net promoter score, -100..100: share of 9-10 less share of 0-6; None without answers. Source: Reichheld 2003.

    >>> nps([10, 9, 8, 3]), nps([])
    (25.0, None)
    """
    if not scores:
        return None
    promoters = sum(score >= 9 for score in scores)
    detractors = sum(score <= 6 for score in scores)
    return 100 * (promoters - detractors) / len(scores)
