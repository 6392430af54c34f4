"""What alerting would have done over a history.

- `history`  the alerts of a history, day by day
- `summary`  what they add up to by rule, and the table of them
"""
