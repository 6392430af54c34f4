"""What travels: the contracts of the input events and of what the worker publishes, and how bytes become them.

- `topics`           which topics there are, what travels on each, how they are made
- `events`           the contracts of the input events, and the words of their errors
- `feeds`            how real feeds' own names and values become the contract's
- `decode`           bytes to events: a fast path, and pydantic for whatever it refuses
- `health_override`  what people set by hand in the place of the score
- `report`           the contract of `account-health`
- `dead_letters`     the contract of `dead-letters`
- `values`           the value of a record of ours, read as its contract says
- `partitioner`      where an account is at home
- `schemas`          all contracts as JSON Schemas
- `errors`           what these packages raise
"""
