"""What a command reads from Kafka, and writes there.

- `current_reports`   the current health reports
- `current_states`    the worker's current states
- `alert_log_reader`  alerts and silences, as the log of alerts tells them
- `kafka_follower`    everything the board knows, read along while a command runs
- `account_aliases`   what other tools call the accounts
- `quarantine`        accounts in quarantine, and their release
- `override_writer`   verdicts by hand, as account updates
"""
