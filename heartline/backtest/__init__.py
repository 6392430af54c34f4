"""How well the score tells which accounts leave, of one's own history.

- `labels`      when accounts churned, from a CSV
- `statistics`  AUROC, average precision, concordance, shares and chance levels, with bootstraps over accounts
"""
