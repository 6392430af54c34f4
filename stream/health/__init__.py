"""The judgement of one account: score, band, coverage, what holds it down, what moved it, and the sentence for people.

Pure: the same facts and the same moment give the same report.

- `choice`    which scorecard judges an account
- `standing`  what each measure adds to the score, what a veto takes, how much is known
- `memory`    the band until now and the closing scores of days
- `override`  what a person set in the place of the score
- `changes`   what moved the score since an earlier moment, measure by measure
- `phrases`, `reason`   the sentence
- `judge`     score and band alone, to know whether there is news; and all of it as one report
"""

from stream.health.choice import scorecard_for
from stream.health.judge import Evaluation, evaluate, judge, profile_of
from stream.health.memory import band_of, remembered
from stream.health.standing import NEW_DAYS

__all__ = ["NEW_DAYS", "Evaluation", "band_of", "evaluate", "judge", "profile_of", "remembered", "scorecard_for"]
