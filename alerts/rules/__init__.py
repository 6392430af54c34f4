"""The rules: does a report break one, is the trouble over, or is it too early to say.

- `result`   what a rule answers: firing, resolved or indeterminate
- `rule`     what every rule is: its settings, overrides for some accounts, and a result for one report
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
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import Rule, Tone

__all__ = [
    "ABOUT_SCORE",
    "SHOWN_BY",
    "TONES",
    "BandEntered",
    "Baseline",
    "Clear",
    "Firing",
    "Hold",
    "Indeterminate",
    "Resolved",
    "Rule",
    "RuleBook",
    "RuleResult",
    "RuleSettings",
    "ScoreDropped",
    "Tone",
    "default_rules",
]
