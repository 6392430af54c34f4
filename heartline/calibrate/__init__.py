"""A scorecard fitted to one's own history: few lines, monotone curves, no farther from the shipped one than data ask.

- `lines`     a scorecard's lines at landmarks as numbers, and the measures that may become lines
- `fit`       weights and curves by penalised likelihood
- `proposal`  what is proposed, and how well it does on accounts and times that it was not fitted on
- `floors`    where bands begin
- `card_text` the proposal as a file of scorecards, with its expected figures in the header
"""
