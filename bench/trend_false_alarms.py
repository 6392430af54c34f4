"""How many false alarms the usage trend removes against a plain week-over-week rule, on the git-usage data.

    .venv/bin/python bench/trend_false_alarms.py [FOLDER]

Every account is asked at the end of each ISO week, from its 112th day to the end of its observation or its churn. The
plain rule alarms when a week's user-days are more than 20 % below the week before (PostHog's risk indicator for event
counts). An episode is a run of weeks with an alarm; it is false when the account is retained. Retained accounts whose
outcome is open (last180_share under 0.2) are left out. A churned account is caught by an
alarm between a year before 95 % of its events had happened (its decline) and its churn. Numbers are in docs/health.md.
"""

import csv
import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from stream.history.daily import Days, index_for
from stream.measures.trend import trend

ROOT = Path(__file__).resolve().parents[1]
EPOCH = date(1970, 1, 1)
FIRST_ASKED = 112
SETTLED_SHARE = 0.2

Rule = Callable[[Days, int], bool]


def plain(days: Days, day: int) -> bool:
    """More than 20 % fewer user-days than in the week before."""
    now, before = (
        sum(days.users[max(day - 7 * n - 6 - days.first_day, 0) : day - 7 * n + 1 - days.first_day]) for n in (0, 1)
    )
    return before > 0 and now < 0.8 * before


def by_trend(*words: str) -> Rule:
    """The trend has one of these words."""

    def holds(days: Days, day: int) -> bool:
        found = trend(days, day)
        return found is not None and found.status in words

    return holds


RULES: dict[str, Rule] = {
    "week over week, 20 % down": plain,
    "trend: declining or collapsing": by_trend("declining", "collapsing"),
    "trend: collapsing": by_trend("collapsing"),
}


def day_of(text: str) -> int:
    """Days since 1970-01-01 of an ISO date or moment."""
    return (date.fromisoformat(text[:10]) - EPOCH).days


def read_days(path: Path) -> dict[str, dict[int, set[str]]]:
    """account_id to day to the users that were active."""
    found: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    with gzip.open(path) as lines:
        for line in lines:
            event = json.loads(line)
            found[event["account_id"]][day_of(event["timestamp"])].add(event["user_id"])
    return found


def alarms(active: dict[int, set[str]], last_day: int) -> dict[str, list[int]]:
    """Rule to the days on which it alarmed, weekly, on the facts as they were then."""
    days = Days()
    found: dict[str, list[int]] = {name: [] for name in RULES}
    first = min(active)
    for day in range(first, last_day + 1):
        days.users[index_for(days, day)] += len(active.get(day, ()))
        if day >= first + FIRST_ASKED and (day + 3) % 7 == 6:
            for name, rule in RULES.items():
                if rule(days, day):
                    found[name].append(day)
    return found


def episodes(alarmed: list[int]) -> list[tuple[int, int]]:
    """Runs of weeks, as first and last day."""
    runs: list[tuple[int, int]] = []
    for day in alarmed:
        if runs and day - runs[-1][1] == 7:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def main(folder: Path) -> None:
    """Print the table."""
    active = read_days(folder / "events.jsonl.gz")
    false: dict[str, int] = defaultdict(int)
    years, retained, churned = 0.0, 0, 0
    false_weeks: dict[str, int] = defaultdict(int)
    caught: dict[str, int] = defaultdict(int)
    for row in csv.DictReader((folder / "accounts.csv").open(encoding="utf-8")):
        days = active[row["account_id"]]
        churn = day_of(row["churned_at"]) if row["churned_at"] else None
        decline = day_of(row["day_95pct"]) - 365
        if churn is None and float(row["last180_share"]) < SETTLED_SHARE:
            continue
        observed = min(day_of(row["observed_until"]), (datetime(2026, 8, 1, tzinfo=UTC).date() - EPOCH).days)
        found = alarms(days, observed if churn is None else churn)
        if churn is None:
            retained += 1
            years += (observed - min(days) - FIRST_ASKED) / 365.25
        else:
            churned += 1
        for name, alarmed in found.items():
            runs = episodes(alarmed)
            if churn is None:
                false[name] += len(runs)
                false_weeks[name] += len(alarmed)
            else:
                caught[name] += any(last > min(decline, churn - 365) for _, last in runs)
    print(f"{retained} retained accounts, {years:.0f} account-years; {churned} churned accounts")
    print(f"{'rule':34} {'false alarms':>12} {'a year':>8} {'weeks in alarm':>15} {'churned caught':>15}")
    for name in RULES:
        share = false_weeks[name] / (years * 365.25 / 7)
        print(f"{name:34} {false[name]:12} {false[name] / years:8.2f} {share:14.1%} {caught[name]:10} of {churned}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data" / "git-usage")
