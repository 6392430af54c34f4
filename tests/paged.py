"""An alerting configuration for tests: a red flag for each report of bad health, at once, and each a page.

`tests.reports` gives an account at health below 50 half of its users, and below 25 a fifth. Under this configuration
that is a page each time, a warning or critical, so that a test of delivery need not wait for what a rule waits for.
"""

from typing import Any, Final

from alerts.config import AlertingConfig
from alerts.rules import Rule
from stream.contracts.report import Profile

RULE: Final = "breadth_collapsed"

SETTINGS: Final[dict[str, Any]] = {
    "rules": {RULE: {"channel": "page"}, "score_dropped": {"enabled": False}, "score_low": {"enabled": False}},
    "lifecycle": {
        "reopen_within_hours": 72,
        "pages": {"every_days": 0},
        "reminders": {"severities": ["warning", "critical"]},
    },
}
PAGED: Final = AlertingConfig.model_validate(SETTINGS)
RULES: Final[tuple[Rule, ...]] = PAGED.book.choose(Profile())
