"""From measures to a score: the scorecards, what they give one account, and the sentence that explains it.

Pure: the same facts and the same moment give the same report.

- `scorecard`            a scorecard, its lines, bands and vetoes
- `scorecard_yaml`       a file of scorecards to the model, every mistake told with file, line, field and value
- `shipped`              the scorecards that come with Heartline, read once
- `scorecard_selection`  which scorecard scores an account
- `result`               what each measure adds to the score, what a veto takes, how much is known
- `band_history`         the band until now and the closing scores of days
- `override`             what a person set in the place of the score
- `changes`              what moved the score since an earlier moment, measure by measure
- `reason`               the sentence
- `freshness`            how recent what each source told is
- `evaluation`           score and band alone, to know whether to publish; and all of it as one report
- `account_day`          how an account stood at the end of a day that is over
- `facts`                what readers of a report rest on, so that a change of it is noticed
- `publish_policy`       whether an evaluation is worth publishing
"""
