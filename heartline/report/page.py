"""What is in the report, and the file: style and charts inside, no script, and nothing loaded from elsewhere."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Final

from consumers.board.account_index import AccountQuery, AccountRow, count_bands
from consumers.board.board_context import make_templates
from consumers.board.read_model import Account, ReadModel
from consumers.board.svg import bars, share, timeline
from stream.contracts.report import Band

MOVERS: Final = 10

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Summary:
    """What a portfolio adds up to.

    Attributes:
        median_score: of the accounts that have one; None without any.
        losers: the accounts that lost most in seven days, the largest loss first.
    """

    accounts: int
    bands: dict[Band, int]
    median_score: float | None
    losers: list[AccountRow]
    open_alerts: int


def summary(read_model: ReadModel) -> Summary:
    """The portfolio as it is now."""
    rows = read_model.accounts.rows()
    scores = [row.score for row in rows if row.score is not None]
    moved = read_model.accounts.find(AccountQuery(sort="movement")).rows
    return Summary(
        accounts=len(rows),
        bands=count_bands(rows),
        median_score=statistics.median(scores) if scores else None,
        losers=[row for row in moved if row.movement is not None and row.movement <= -1][:MOVERS],
        open_alerts=sum(read_model.alerts.open_counts().values()),
    )


def page(read_model: ReadModel, accounts_max: int, now: datetime, progress: Progress = lambda done, total: None) -> str:
    """The report.

    Args:
        read_model: everything, loaded.
        accounts_max: the least healthy accounts get a section each, so many of them.
        now: when it is made.
        progress: called with the sections that are done, and how many there will be.

    Raises:
        KafkaError: an account's report can't be read.
    """
    rows = read_model.accounts.find(AccountQuery()).rows
    chosen, found = rows[:accounts_max], list[Account]()
    for number, row in enumerate(chosen, 1):
        account = read_model.account(row.account_id)
        if account is not None:
            found.append(account)
        progress(number, len(chosen))
    return (
        make_templates("heartline.report")
        .get_template("report.html")
        .render(
            style=(files("consumers.board") / "static" / "board.css").read_text("utf-8"),
            summary=summary(read_model),
            rows=rows,
            accounts=found,
            alerts=read_model.alerts,
            floors=read_model.floors,
            now=now,
            timeline=timeline,
            bars=bars,
            share=share,
        )
    )
