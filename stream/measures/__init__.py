"""Every number of an account as of a moment, from its facts: one formula each, as docs/metrics.md defines them.

"Day" is a calendar day in the account's time zone (UTC while none is known); a trailing N-day window is the N days
that end with as_of's day. Counts are counts of what was seen, so 0 is a number; a rate, mean or share whose base is
empty is None, never 0.

Every number is exact as of any moment back to 28 days before the newest event, but for those that `history_days` names,
which are None beyond their reach. Two things to know: among the known users of 90 days one who came back after five
weeks of absence or more does not count before the return, and each ticket's priority and category, and each answer, is
in its newest version.

Read the modules in this order:

- `active_users`  who was active in each window, by the users' days as bitmaps
- `account_view`  one account and what its product says, whatever the moment
- `context`     it as of one moment, and what several measures need
- `reach`      how many use it, of those who could
- `inactivity`  how long nobody did, in the account's own pauses
- `engagement_change`  how often they do, and whether that holds
- `features`   how much of the product they use
- `support`    the weight of tickets
- `sentiment`  what they answer
- `sessions`    how long they stay at a time
- `champions`  the people who carry the use
- `launches`   what was launched, and is used or not
- `contact`    how we keep in touch, and answers that wait for us
- `goals`      outcomes against what the customer wants
- `renewal`    subscriptions, their worth and their end
- `lifecycle`  the stage it is at
- `engagement` one number of several of these
- `history_days` how far back each measure is exact
- `product_config`, `trend`   first value and milestones, and the trailing four weeks against the twelve before
- `catalogue`  all of it together
- `wording`    what people call each measure
"""

from stream.measures.active_users import Measures
from stream.measures.catalogue import measure
from stream.measures.sentiment import nps

__all__ = ["Measures", "measure", "nps"]
