"""How well a snapshot's score tells the months before an account's end from others: AUROC over month-ends.

    heartline snapshot events.jsonl.gz --every month --out health.csv
    python -m bench.score_auroc health.csv accounts.csv

accounts.csv has account_id, churned_at (empty: not ended) and observed_until, as ISO dates. A month-end counts while
the account is observed and before its end; it is positive where the end comes within the horizon, and negative where it
does not, which of an account that has not ended is known only of month-ends a horizon before observed_until. Month-ends
without a score are left out. The interval is a bootstrap over accounts.
"""

import csv
import random
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from pathlib import Path

HORIZON_DAYS = 180
RESAMPLES = 500

Cases = list[tuple[float, bool]]


def cases_of(snapshot: Path, accounts: Path, horizon_days: int = HORIZON_DAYS) -> dict[str, Cases]:
    """By account its month-ends: the score, and whether the account ended within the horizon."""
    with accounts.open(encoding="utf-8") as file:
        known = {row["account_id"]: row for row in csv.DictReader(file)}
    found: dict[str, Cases] = {}
    with snapshot.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            account = known.get(row["account_id"])
            if account is None or not row["health_score"]:
                continue
            day, until = date.fromisoformat(row["date"]), date.fromisoformat(account["observed_until"][:10])
            end = date.fromisoformat(account["churned_at"][:10]) if account["churned_at"] else None
            if day > until or (end is not None and day >= end):
                continue
            if end is None and (until - day).days < horizon_days:
                continue
            ends = end is not None and (end - day).days <= horizon_days
            found.setdefault(row["account_id"], []).append((float(row["health_score"]), ends))
    return found


def auroc(cases: Sequence[tuple[float, bool]]) -> float | None:
    """The chance that of a positive and a negative case the positive has the lower score; None without both.

    >>> auroc([(10, True), (20, False), (5, False)])
    0.5
    """
    positive = [score for score, ends in cases if ends]
    negative = sorted(score for score, ends in cases if not ends)
    if not positive or not negative:
        return None
    won = sum(len(negative) - (bisect_left(negative, score) + bisect_right(negative, score)) / 2 for score in positive)
    return won / len(positive) / len(negative)


def interval(by_account: dict[str, Cases], resamples: int = RESAMPLES, seed: int = 1) -> tuple[float, float]:
    """The middle 95 % of the AUROC over resampled accounts."""
    chance, names = random.Random(seed), list(by_account)
    found = []
    for _ in range(resamples):
        drawn = [by_account[name] for name in chance.choices(names, k=len(names))]
        value = auroc([case for cases in drawn for case in cases])
        if value is not None:
            found.append(value)
    found.sort()
    return found[round(0.025 * (len(found) - 1))], found[round(0.975 * (len(found) - 1))]


def main() -> None:
    """Print the AUROC, and of each band how many of its month-ends were followed by the end."""
    snapshot, accounts = map(Path, sys.argv[1:3])
    by_account = cases_of(snapshot, accounts)
    cases = [case for found in by_account.values() for case in found]
    low, high = interval(by_account)
    positive = sum(ends for _, ends in cases)
    print(f"AUROC {auroc(cases):.3f} [{low:.3f}, {high:.3f}], {len(cases)} month-ends, {positive} positive")
    for name, floor, above in (("healthy", 75, 101), ("watch", 50, 75), ("at risk", 25, 50), ("critical", 0, 25)):
        inside = [ends for score, ends in cases if floor <= score < above]
        share = sum(inside) / len(inside) if inside else 0.0
        print(f"{name:9} {len(inside):6} month-ends, {share:.1%} ended within {HORIZON_DAYS} days")


if __name__ == "__main__":
    main()
