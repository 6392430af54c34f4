"""Every number of an account as of a moment, from its facts: one formula each, as docs/metrics.md defines them.

"Day" is a calendar day in the account's time zone (UTC while none is known); a trailing N-day window is the N days
that end with as_of's day. Counts are counts of what was seen, so 0 is a number; a rate, mean or share whose base is
empty is None, never 0.

Every number is exact as of any moment back to 28 days before the newest event, but for those that are declared with
fewer `history_days`, which are None beyond them. Two things to know: among the known users of 90 days one who came back
after five weeks of absence or more does not count before the return, and each ticket's priority and category, and each
answer, is in its newest version.

- `registry`           what a measure is: id, label, unit, formula, history and the rest, declared beside its function
- `catalogue`          all measures of one account, or those that are wanted
- `active_users`       who was active in each window, by the users' days as bitmaps
- `account_view`       one account and what its product says, whatever the moment
- `context`            it as of one moment, and what several measures need
- `product_config`     what the product counts as value; `product` reads it from the settings
- `wording`            values in words
- `daily_series`       the account's days as rows, for whoever draws them

The measures, one module a subject:

- `reach`              how many use it, of those who could
- `engagement_change`  on how few people the use rests, and whether it holds
- `inactivity`         how long nobody was there, in the account's own pauses
- `trend`              the trailing four weeks against the twelve before
- `use_vs_best`        use against the account's own best half-year
- `p_alive`            the chance that it is still alive
- `top_user`           the most active user of its life, and for how long gone
- `lost_users`         users it could count on, and who are gone
- `champions`          the people who carry the use
- `features`           how much of the product they use
- `sessions`           how long they stay at a time
- `engagement`         one number of several of these
- `milestones`         first value, and the milestones on the way
- `launches`           what was launched, and is used or not
- `goals`              outcomes against what the customer wants
- `support`            the weight of tickets
- `sentiment`          what they answer
- `contact`            how we keep in touch, and answers that wait for us
- `renewal`            subscriptions, their worth and their end
- `lifecycle`          the stage the account is at
"""

from stream.measures.catalogue import measure
from stream.measures.registry import Measures
from stream.measures.sentiment import nps

__all__ = ["Measures", "measure", "nps"]
