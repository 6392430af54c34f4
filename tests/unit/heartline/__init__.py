"""The command line: replay, demo, snapshot, account, doctor."""
