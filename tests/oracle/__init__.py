"""What the numbers must be: recomputed from raw events in one batch, with none of the code under test.

- `batch`   events in, measures per account out, as of the end of a day
- `usage`, `tickets`, `surveys`, `success`   its parts
- `days`   the calendar day of a moment
- `facts`   compares what the worker knows, or says, of the accounts with the batch
"""
