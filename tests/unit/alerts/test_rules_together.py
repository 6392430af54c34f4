"""Several rules over one account as tables of lives: which of them speak, and which have nothing to add.

`tests.scenarios` says how to read them; here each message begins with its rule.
"""

from dataclasses import dataclass

import pytest

from alerts.config import AlertingConfig
from tests.scenarios import Life, check

QUIET = "silence_working_days=4 silence_limit_days=3"
BACK = "silence_working_days=0 silence_limit_days=3"
LEFT = "champions=2 champions_gone=2"


@dataclass(frozen=True)
class Row:
    """One life, and why it is as it is."""

    why: str
    given: str
    expect: str
    until: str = "d4 00:00"


ROWS = [
    Row(
        "silence says enough: who left, how many and their seats follow from it",
        f"d1 09:00 knows {QUIET} {LEFT} mau=4 mau_previous=20",
        "d1 09:00 silence opened warning",
    ),
    Row(
        "what was told before silence ends without a word, and is told when the silence is over",
        f"d1 09:00 knows {LEFT}\nd2 09:00 knows {QUIET} {LEFT}\nd3 09:00 knows {BACK} {LEFT}",
        """
        d1 09:00 champion_gone opened critical
        d2 09:00 silence opened warning
        d3 09:00 silence resolved
        d3 09:00 champion_gone reopened critical
        """,
    ),
    Row(
        "a fall into a bad band is one red flag; a drop before it gives way to it",
        "d1 09:00 health 95\nd2 09:00 health 78\nd3 09:00 health 40",
        "d2 09:00 score_dropped opened warning\nd3 09:00 band_entered opened warning",
    ),
    Row(
        "an unhappy answer, an escalation and a wish to leave are matters of their own, beside a bad band",
        "d1 09:00 knows score=40 open_detractors=1 escalation_running_hours=30 cancellation_requested=1",
        """
        d1 09:00 cancellation_requested opened critical
        d1 09:00 band_entered opened warning
        d1 09:00 escalation_open opened warning
        d1 09:00 detractor_follow_up opened warning
        """,
    ),
    Row(
        "the renewal is told beside the band: it says by when",
        "d1 09:00 knows score=40 days_to_renewal=60\nd2 09:00 knows score=40 days_to_renewal=30",
        """
        d1 09:00 band_entered opened warning
        d1 09:00 renewal_near opened warning
        d2 09:00 renewal_near updated critical
        """,
    ),
    Row(
        "good news comes once, without reminders",
        "d1 09:00 knows open_promoters=1\nd9 09:00 knows open_promoters=2\nd20 09:00 knows open_promoters=0",
        "d1 09:00 promoter_follow_up opened info\nd20 09:00 promoter_follow_up resolved",
        until="d40 00:00",
    ),
    Row(
        "a customer who never got anywhere is one story: no milestone beside the first value",
        "d1 09:00 knows first_value_waiting_days=20 milestone_stuck_days=40",
        "d1 09:00 onboarding_stuck opened warning",
    ),
    Row(
        "a promoter's alert that ends does not move the line that drops are measured from",
        "d1 09:00 health 95\nd2 09:00 knows score=95 open_promoters=1\nd3 09:00 knows score=79 open_promoters=0",
        """
        d2 09:00 promoter_follow_up opened info
        d3 09:00 score_dropped opened warning
        d3 09:00 promoter_follow_up resolved
        """,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.why)
def test_rules_that_meet_in_one_account(row: Row) -> None:
    """The messages are those of the table, in its order."""
    life = Life(AlertingConfig())
    life.live(row.given, row.until)
    check(life.told_by_rule(), row.expect)
