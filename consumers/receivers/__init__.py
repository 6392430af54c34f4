"""Where alerts are told: one module a kind of receiver, each with its payload as a pure function and one place of I/O.

answer         what a receiver is, and what became of an attempt
http           one HTTP request, without redirects and without telling anybody the address
slack_webhook  one message to one Slack incoming webhook
"""
