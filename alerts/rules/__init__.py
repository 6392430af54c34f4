"""The rules: does a report break one, is the trouble over, or is it too early to say.

- `verdict`  what a rule answers
- `rule`     what every rule is: its settings, overrides for some accounts, and a verdict on one report
- `band`     the account is in a bad band
- `drop`     the score fell far within days
- `book`     all rules with their settings, and which of them are for an account
"""

from alerts.rules.band import BandEntered
from alerts.rules.book import RuleBook, RuleSettings, default_rules
from alerts.rules.drop import ScoreDropped
from alerts.rules.rule import Rule
from alerts.rules.verdict import Clear, Finding, Hold, Settled, Verdict

__all__ = [
    "BandEntered",
    "Clear",
    "Finding",
    "Hold",
    "Rule",
    "RuleBook",
    "RuleSettings",
    "ScoreDropped",
    "Settled",
    "Verdict",
    "default_rules",
]
