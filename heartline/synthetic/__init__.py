"""A company that does not exist: forty accounts, sixty quiet days, sixty more, and ten stories worth a red flag.

Pure and deterministic: the same seed and the same day give the same events.

- `company`  who the accounts are, and which of them are in trouble
- `people`   what everybody is called
- `stories`  what happens to an account, and why that is trouble
- `business`  years of subscriptions, costs, rates and referrals, with everything that makes books hard
- `success`  what those who look after the accounts do
- `events`   the events that follow, in time order
"""

from heartline.synthetic.company import CORE_FEATURES, Customer, customers, troubles
from heartline.synthetic.events import DAYS, HISTORY_DAYS, events, story_start
from heartline.synthetic.stories import STORIES, Story

__all__ = [
    "CORE_FEATURES",
    "DAYS",
    "HISTORY_DAYS",
    "STORIES",
    "Customer",
    "Story",
    "customers",
    "events",
    "story_start",
    "troubles",
]
