"""What people read of an alert: one idea a module. Pure: report and alert in, plain data out.

- `compose`   the whole message of a transition
- `headline`  its first line
- `evidence`  the numbers behind the rule, and what moved the score
- `report_text`  the parts of a report in words: a change, a veto, an override
- `blocks`    Slack's Block Kit
- `plain_text`  the same for those who have no Slack: as text, and as HTML
- `digest`    one message for many
- `pipeline_incident`  what operators are told of a broken pipeline
"""
