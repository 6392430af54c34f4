"""What travels: the contracts of the input events and of what the worker publishes, and how bytes become them.

- `events`           the language of the contracts of the input events, and the words of their errors
- `health_override`  what people set by hand in the place of the score
- `report`           the contract of `account-health`
- `account_day`      the contract of `account-days`
- `dead_letters`     the contract of `dead-letters`
- `scorecard_review` the contract of `scorecard-reviews`
- `quarantine`       why an account is left alone
- `aliases`          whose id an alias is, and which ones wait to be told
- `values`           the value of a record of ours, read as its contract says
- `partitioner`      where an account is at home
- `denied`           an operation that the brokers' ACLs refuse, told as that
- `errors`           what these packages raise
"""
