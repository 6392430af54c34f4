"""Writes what four tools would export of a made-up company: 25 accounts, 90 days, each tool with ids of its own.

    python make_exports.py exports/

Segment names accounts by domain, Zendesk by organization number, Stripe by customer, Delighted by domain again. The
file aliases.csv says which of these is which account.
"""

import csv
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DAYS = 90
NAMES = (
    *("Alder Analytics", "Birch Bank", "Cedar Care", "Dahlia Data", "Elm Energy", "Fern Freight", "Ginkgo Games"),
    *("Hazel Health", "Iris Insurance", "Juniper Jobs", "Kelp Kitchens", "Larch Logistics", "Maple Media"),
    *("Nettle Networks", "Oak Office", "Pine Payments", "Quince Quality", "Rowan Retail", "Sorrel Security"),
    *("Thistle Travel", "Ulmus Utilities", "Violet Ventures", "Willow Works", "Yarrow Yachts", "Zinnia Zones"),
)
FEATURES = ("Report exported", "Dashboard viewed", "Import run", "Alert set", "Comment added")
LEAVING = "Larch Logistics"  # its people stop, a ticket waits, an answer says 2, and it asks to cancel


class Account:
    """One account, and what each tool calls it."""

    def __init__(self, number: int, name: str) -> None:
        self.name = name
        self.domain = name.lower().replace(" ", "-") + ".example"
        self.organization = 360_000_100 + number
        self.customer = f"cus_{number:04}"
        self.users = 4 + number * 7 % 13
        self.leaving = name == LEAVING


def main(folder: Path) -> None:
    """Write the five files."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(25)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    accounts = [Account(number, name) for number, name in enumerate(NAMES)]
    calls = [call for account in accounts for call in segment(account, today, chance)]
    chance.shuffle(calls)  # an export is in nobody's order
    lines = "".join(json.dumps(call) + "\n" for call in calls)
    (folder / "segment.jsonl").write_text(lines, "utf-8")
    tickets = [ticket for account in accounts for ticket in zendesk(account, today, chance)]
    (folder / "zendesk.json").write_text(json.dumps({"tickets": tickets, "count": len(tickets)}, indent=1), "utf-8")
    write_csv(folder / "delighted.csv", [row for account in accounts for row in delighted(account, today, chance)])
    write_csv(folder / "stripe.csv", [stripe(account, today) for account in accounts])
    write_csv(folder / "aliases.csv", [row for account in accounts for row in aliases(account)])
    print(f"{len(accounts)} accounts, {len(calls)} calls, {len(tickets)} tickets in {folder}")


def segment(account: Account, today: datetime, chance: random.Random) -> list[dict[str, Any]]:
    """Group calls once, and what people did on each day."""
    calls = [
        {
            "type": "group",
            "messageId": f"g-{account.domain}-{user}",
            "userId": f"{account.domain}/u{user}",
            "groupId": account.domain,
            "traits": {"name": account.name, "plan": "enterprise" if account.users > 9 else "team"},
            "timestamp": (today - timedelta(days=DAYS)).isoformat(),
        }
        for user in range(account.users)
    ]
    for back in range(DAYS, 0, -1):
        day = today - timedelta(days=back)
        if day.weekday() > 4:
            continue
        staying = account.users if not account.leaving else max(0, round(account.users * min(1, (back - 12) / 30)))
        for user in range(staying):
            if chance.random() > 0.75:
                continue
            for use in range(chance.randint(1, 3)):
                at = day + timedelta(hours=8 + chance.randint(0, 9), minutes=chance.randint(0, 59))
                call = {
                    "type": "track",
                    "messageId": f"t-{account.domain}-{back}-{user}-{use}",
                    "userId": f"{account.domain}/u{user}",
                    "event": chance.choice(FEATURES),
                    "properties": {"plan": "any"},
                    "timestamp": at.isoformat(),
                }
                calls.append(call)
    return calls


def zendesk(account: Account, today: datetime, chance: random.Random) -> list[dict[str, Any]]:
    """Tickets as the API's export has them: a state, with when it began and when it was last touched."""
    found = []
    for number in range(chance.randint(0, 3)):
        opened = today - timedelta(days=chance.randint(5, DAYS), hours=chance.randint(0, 8))
        found.append(
            {
                "id": account.organization * 10 + number,
                "organization_id": account.organization,
                "requester_id": 70_000 + number,
                "subject": "How do I export?",
                "status": "solved",
                "priority": chance.choice(("low", "normal", None)),
                "created_at": opened.isoformat(),
                "updated_at": (opened + timedelta(hours=chance.randint(2, 70))).isoformat(),
                "tags": [],
            }
        )
    if account.leaving:
        found.append(
            {
                "id": account.organization * 10 + 9,
                "organization_id": account.organization,
                "requester_id": 70_000,
                "subject": "The import loses rows",
                "status": "open",
                "priority": "urgent",
                "created_at": (today - timedelta(days=9)).isoformat(),
                "updated_at": (today - timedelta(days=6)).isoformat(),
                "tags": ["escalated"],
            }
        )
    return found


def delighted(account: Account, today: datetime, chance: random.Random) -> list[dict[str, Any]]:
    """Survey responses as the CSV export has them."""
    scores = [2, 3] if account.leaving else [chance.randint(7, 10) for _ in range(2)]
    return [
        {
            "ID": f"{account.organization}{number}",
            "Survey type": "NPS",
            "Score": score,
            "Comment": "It got slow." if score < 5 else "",
            "Person ID": f"{account.domain}/u{number}",
            "Account ID": account.domain,
            "Created at": int((today - timedelta(days=5 + 20 * number)).timestamp()),
        }
        for number, score in enumerate(scores)
    ]


def stripe(account: Account, today: datetime) -> dict[str, Any]:
    """The subscription as the dashboard's CSV export has it."""
    started = today - timedelta(days=400)
    return {
        "id": f"sub_{account.customer[4:]}",
        "Customer ID": account.customer,
        "Plan": "team",
        "Quantity": account.users + 2,
        "Interval": "month",
        "Amount": "45.00",
        "Status": "active",
        "Created (UTC)": f"{started:%Y-%m-%d %H:%M}",
        "Current Period End (UTC)": f"{today + timedelta(days=20):%Y-%m-%d %H:%M}",
        "Canceled At (UTC)": f"{today - timedelta(days=3):%Y-%m-%d %H:%M}" if account.leaving else "",
        "Ended At (UTC)": "",
    }


def aliases(account: Account) -> list[dict[str, str]]:
    """Which ids of the tools are which account."""
    return [
        {"source": "zendesk", "alias": str(account.organization), "account_id": account.domain},
        {"source": "stripe", "alias": account.customer, "account_id": account.domain},
    ]


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows with the same columns."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "exports"))
