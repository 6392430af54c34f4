"""Erasing an account, or a user, from all that an installation keeps.

The records that the processes act on are written first (`order`), then what they did is looked at until it is done
(`account_trace`, `user_trace`), and what only Kafka's retention removes is told with its day (`expiry`). All of it may
be done again at any time, so a run that was cut off is repeated.
"""
