"""`heartline synthetic`: years of a company that does not exist, as files of events."""

import gzip
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from heartline.cli.options import Json
from heartline.errors import writing


def synthetic(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files go; made if it is missing.")],
    accounts: Annotated[int, typer.Option("--accounts", min=1, max=100_000, help="How many.")] = 200,
    years: Annotated[float, typer.Option("--years", min=0.1, max=20, help="How long ago it began.")] = 2.0,
    seed: Annotated[int, typer.Option("--seed", help="Another number, another company.")] = 7,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Its last day; yesterday without it.")
    ] = None,
    days: Annotated[bool, typer.Option("--days/--no-days", help="Write the account-days, too.")] = True,
    as_json: Json = False,
) -> None:
    """Write a company's subscriptions, costs, rates, referrals and touchpoints, with all that makes books hard.

    Trials, discounts, pauses, several currencies, changes and ends on one day, renewals early, late and never, requests
    to leave that are withdrawn, subscriptions that move, corrections, and records that come late. The same numbers and
    the same last day give the same company.

    [bold]Examples[/]

    \b
    heartline synthetic company
    heartline portfolio company/events.jsonl.gz company/account-days.jsonl.gz --by segment
    heartline synthetic big --accounts 5000 --years 3 --no-days
    """
    from heartline.synthetic.business import account_days, business
    from stream.contracts.errors import ConfigError

    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        end = today if until is None else datetime.fromisoformat(until).replace(tzinfo=UTC)
    except ValueError:
        raise ConfigError(f"--until {until}: expected a date, as 2026-06-30") from None
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Iterable[dict[str, Any]]] = {"events.jsonl.gz": business(end, accounts, years, seed)}
    if days:
        files["account-days.jsonl.gz"] = account_days(end, accounts, years, seed)
    written = {str(folder / name): _write(folder / name, events) for name, events in files.items()}
    if as_json:
        print(json.dumps(written))


def _write(path: Path, events: Iterable[dict[str, Any]]) -> int:
    import msgspec

    count, encode = 0, msgspec.json.Encoder().encode
    with writing(path), gzip.GzipFile(path, "wb", compresslevel=5, mtime=0) as file:
        for event in events:
            file.write(encode(event) + b"\n")
            count += 1
    print(f"{path}: {count:,} events", file=sys.stderr)
    return count
