"""The kinds of events: what is kept of each, and how an event folds into it.

- `usage`, `sessions`   product usage, folded a batch at a time, and a sample of each day's sessions
- `ticket`, `survey`, `touchpoint`, `outcome`, `subscription`   the other facts of an account
- `state`               the state of one account, and how an event folds into it
- `folding`             by kind of event: how it is folded, and the count of what did not count
"""
