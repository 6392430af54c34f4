"""How well the score tells which accounts leave, on one's own history.

- `buckets`     events sorted by account, on disk
- `labels`      when accounts churned, from a CSV
- `life`        one account day by day through the product's own fold
- `run`         all lives of some files, with what became of them
- `landmarks`   month-ends as a table: what each predictor said, and what was to come
- `baselines`   what a score must beat
- `pages`       on which days the score would have called someone
- `statistics`  AUROC, average precision, concordance, shares and chance levels, with bootstraps over accounts
- `study`       the figures of a backtest
- `conclusion`  what may be concluded at this size, in sentences
- `tables`      the figures on a terminal
- `charts`, `page`   the report as one HTML file
"""
