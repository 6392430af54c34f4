"""The kinds of events: what is accepted of each, what is kept, and how an event folds into it.

- `usage`, `sessions`, `recent_ids`   product usage, folded a batch at a time, a sample of each day's sessions, repeats
- `ticket`, `survey`, `touchpoint`, `outcome`, `subscription`   the other facts of an account
- `user`                who the people of an account are
- `account`             the account feed: the profile, and overrides by hand
- `kind`, `registry`    what a kind of event is, and the table of all kinds
- `state`               the state of one account, made of the parts of its kinds
- `erasure`             what erases an account, or one of its users, from a state
- `alias`, `merging`    an id that is no account's own; two accounts that turn out to be one
- `envelopes`           what feeds wrap events in: registry frames, CloudEvents, Debezium
- `feeds`, `decode`     how real feeds' names become the contract's; bytes to events
- `folding`             events into their account, several at a time, and the count of what did not count
"""
