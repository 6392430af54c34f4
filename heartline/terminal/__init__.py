"""What the command line shows on a terminal.

- `terminal_format`   the colours of the bands, movement, and the table of accounts
- `account_panel`     one account's report
- `top_screen`        all accounts, live
- `portfolio_tables`  figures, renewals and the other answers of the portfolio
- `scorecard_tables`  what a scorecard holds, and what it says of one account
"""
