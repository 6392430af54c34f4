"""What people read of an alert: one idea a module. Pure: report and alert in, plain data out.

- `compose`   the whole message about a red flag
- `headline`  its first line: who and what
- `account_line`  its second: health now and then, worth, renewal
- `evidence`  at most three lines of what is behind it today
- `report_text`  the parts of a report in words: a change, a veto, an override
- `blocks`    Slack's Block Kit
- `plain_text`  the same for those who have no Slack: as text, and as HTML
- `daily_digest`  an owner's page of the day
- `digest`    one message for many at once
- `reviews`   scorecards that wait for a review, or were decided
- `pipeline_incident`  what operators are told of a broken pipeline
"""
