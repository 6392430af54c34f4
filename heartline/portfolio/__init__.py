"""The portfolio over files, without Kafka: what `heartline portfolio FILES` stands on.

- `files`   files of events to a ledger in memory
- `report`  figures as one HTML page
- `answers` who answers: that ledger, or the process
"""
