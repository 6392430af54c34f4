"""What backtesting computes, against other ways to compute it."""
