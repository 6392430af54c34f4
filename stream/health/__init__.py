"""The judgement of one account: score, band, coverage, what holds it down, what moved it, and the sentence for people.

Pure: the same facts and the same moment give the same report.

- `standing`  what each measure adds to the score, what a veto takes, how much is known
- `changes`   what moved the score since an earlier moment, measure by measure
- `memory`    the band until now and the closing scores of days
- `reason`    the sentence
- `judge`     all of it as one report
"""

from stream.health.judge import judge
from stream.health.memory import band_of, remembered
from stream.health.reason import reason, shown
from stream.health.standing import NEW_DAYS, Standing, score_of, standing

__all__ = [
    "NEW_DAYS",
    "Standing",
    "band_of",
    "judge",
    "reason",
    "remembered",
    "score_of",
    "shown",
    "standing",
]
