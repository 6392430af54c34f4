"""Where alerts are told: one module a kind of receiver, each with its payload as a pure function and one place of I/O.

from_settings  receivers out of their settings and secrets
receiver_secrets  a receiver's secrets, from the environment and from files
delivery       what a receiver is, and what became of an attempt
account_link   the address of an account's page
http           one HTTP request, without redirects and without telling anybody the address
slack_webhook  one message to one Slack incoming webhook
slack_bot      a Slack app: one message an episode, changed as it goes
slack_http     slack-sdk's clients, silent and without redirects
slack_buttons  what a message offers, and what a click on it says
slack_actions  the endpoint that turns a click into a command
webhook        any HTTP endpoint: the notice as signed JSON
alertmanager   Prometheus Alertmanager
pagerduty      PagerDuty
email          e-mail over SMTP
"""
