"""A small company with a known fate, as files for the commands."""

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

FIRST = date(2022, 1, 3)  # a Monday
DAYS = 720
ACCOUNTS = 24


def churn_day(number: int) -> int | None:
    """The day on which an account churns: every second one, at different times."""
    return 300 + 14 * number if number % 2 == 0 else None


def name_of(number: int) -> str:
    """The id of an account."""
    return f"account-{number:02}"


def events() -> Iterator[dict[str, object]]:
    """Daily use by five people; whoever churns fades out over the ten weeks before."""
    random = Random(4)
    count = 0
    for day in range(DAYS):
        for number in range(ACCOUNTS):
            churned = churn_day(number)
            left = 1.0 if churned is None else min(max((churned - day) / 70, 0.0), 1.0)
            for user in range(5):
                if (FIRST + timedelta(days=day)).weekday() < 5 and random.random() < 0.7 * left:
                    count += 1
                    moment = datetime.combine(FIRST, datetime.min.time()) + timedelta(days=day, hours=9, minutes=user)
                    yield {
                        "event_id": f"e{count}",
                        "type": "usage",
                        "account_id": name_of(number),
                        "user_id": f"{number}-{user}",
                        "feature": "reports",
                        "timestamp": moment.isoformat() + "Z",
                    }


def write_events(path: Path) -> Path:
    """All of them as JSON lines."""
    path.write_text("".join(json.dumps(event) + "\n" for event in events()))
    return path


def write_churned(path: Path, accounts: int = ACCOUNTS) -> Path:
    """The churn dates of the first accounts."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["account_id", "churned_at"])
        for number in range(accounts):
            day = churn_day(number)
            if day is not None:
                writer.writerow([name_of(number), (FIRST + timedelta(days=day)).isoformat()])
    return path
