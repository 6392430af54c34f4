"""The rules: does an account break one, is the rule kept again, or is it too early to say.

- `result`   what a rule answers: firing, resolved or indeterminate
- `precondition` what must be so before a rule can fire
- `rule`     what every rule is: its declaration, its settings, and a result as of a moment
- `plays`    next steps that several rules share
- `score`    the score is low for days, or fell far within days
- `usage`    nobody uses the product any more, nobody ever did, or much less than at its best
- `people`   its champions left, most of its users did, or all hangs on one or two
- `contract` a wish to leave, a renewal that is near or overdue, less money than before
- `support`  an escalation that nobody ends, a pile of tickets
- `onboarding` no first value yet, no next milestone, a goal out of reach
- `seats`    licences: many unused, or all in use
- `feedback` answers to surveys that somebody should answer, and answers that turned
- `custom`   rules of one's own, declared in the configuration
- `book`     all rules with their settings, and which of them are for an account
"""

from alerts.rules.book import (
    ABOUT_SCORE,
    ORDER,
    RULES,
    AccountRules,
    Evaluate,
    RuleBook,
    RuleSettings,
    declaration,
    default_rules,
    tone_of,
)
from alerts.rules.result import Baseline, Firing, Indeterminate, Resolved, RuleResult
from alerts.rules.rule import Rule

__all__ = [
    "ABOUT_SCORE",
    "ORDER",
    "RULES",
    "AccountRules",
    "Baseline",
    "Evaluate",
    "Firing",
    "Indeterminate",
    "Resolved",
    "Rule",
    "RuleBook",
    "RuleResult",
    "RuleSettings",
    "declaration",
    "default_rules",
    "tone_of",
]
