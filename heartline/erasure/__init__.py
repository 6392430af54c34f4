"""Erasing an account, or a user, from all that an installation keeps.

- `run`             one erasure: ordered, looked at until it is done, and reported
- `account_trace`   what is still there of an account
- `user_trace`      the same of a user; what alerting remembers and has logged is rewritten here
- `redaction`       a user's id out of JSON that names it
- `expiry`          when Kafka's own retention removes the rest

All of it may be done again at any time, so a run that was cut off is repeated.
"""
