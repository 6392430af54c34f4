"""What each vendor's webhooks say, one module a vendor: its signature, and its events as tables.

- `vendor`      what a vendor declares
- `zendesk`     tickets
- `intercom`    conversations, tickets and companies
- `hubspot`     companies
- `jira`        requests of Jira Service Management
- `delighted`   survey answers
- `typeform`    survey answers
- `stripe`      subscriptions and customers
- `chargebee`   subscriptions and customers
- `money`       their amounts as monthly recurring revenue
- `registry`    all of them by name
"""
