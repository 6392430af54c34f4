"""Every number of an account as of a moment, from its facts: one formula each, as docs/metrics.md defines them.

"Day" is a calendar day in the account's time zone (UTC while none is known); a trailing N-day window is the N days
that end with as_of's day. Counts are counts of what was seen, so 0 is a number; a rate, mean or share whose base is
empty is None, never 0.

Usage is exact as of any moment back to seven days before the newest event (64 days of bits are kept), but for two
things: what can't be known as of then is None (mau_previous, adoption by feature), and among the known users of 90
days one who came back after two months of absence does not count before the return. Support and sentiment reach back
28 days, with each ticket's priority and category, and each answer, in its newest version.

Read the modules in this order:

- `tally`      one pass over the users: who was active in each window
- `reach`      how many use it, of those who could
- `silence`    how long nobody did, in the account's own pauses
- `habit`      how often they do, and whether that holds
- `features`   how much of the product they use
- `support`    the weight of tickets
- `sentiment`  what they answer
- `catalogue`  all of it together, with first value and milestones (`stream.journey`) and the trend (`stream.trend`)
"""

from stream.measures.catalogue import measure
from stream.measures.sentiment import nps
from stream.measures.tally import Measures

__all__ = ["Measures", "measure", "nps"]
