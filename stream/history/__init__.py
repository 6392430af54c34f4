"""The days of an account, bounded: bitmaps of who was active, and more than a year of daily totals.

- `rolling`         activity as day bitmaps: windows of days in O(1)
- `active_days`     on which days anyone was active
- `columns`         packed numbers of past days
- `daily`           users, events and score of each day
- `best_half_year`  the best half-year, faded
- `dips`            how far the use of the same days a year ago dipped
- `windows`         users active within 7 and 30 days of each day
- `merged_days`     the days of two accounts that turn out to be one
"""
