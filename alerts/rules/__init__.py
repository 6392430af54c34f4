"""The rules: does a report break one, is the trouble over, or is it too early to say.

- `verdict`  what a rule answers
- `rule`     what every rule is: its settings, overrides for some accounts, and a verdict on one report
- `band`     the account is in a bad band
- `drop`     the score fell far within days
- `silence`  nobody uses the product any more
- `people`   its champions left, or most of its users did
- `contract` a renewal comes near while the account is not well; a wish to leave
- `support`  an escalation that nobody ends
- `journey`  no first value yet, no next milestone, a goal out of reach
- `seats`    licences: many unused, or all in use
- `feedback` answers to surveys that somebody should answer
- `book`     all rules with their settings, and which of them are for an account
"""

from alerts.rules.band import BandEntered
from alerts.rules.book import ABOUT_SCORE, SHOWN_BY, TONES, RuleBook, RuleSettings, default_rules
from alerts.rules.drop import ScoreDropped
from alerts.rules.rule import Rule, Tone
from alerts.rules.verdict import Clear, Finding, Hold, Settled, Verdict

__all__ = [
    "ABOUT_SCORE",
    "SHOWN_BY",
    "TONES",
    "BandEntered",
    "Clear",
    "Finding",
    "Hold",
    "Rule",
    "RuleBook",
    "RuleSettings",
    "ScoreDropped",
    "Settled",
    "Tone",
    "Verdict",
    "default_rules",
]
