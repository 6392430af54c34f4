"""One backtest: files of events and churn dates in, figures and lives out."""

import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from heartline.account_aliases import Links
from heartline.backtest.buckets import Buckets, accounts_in, fill
from heartline.backtest.labels import Label, Labels, read_labels
from heartline.backtest.life import Life, Observed, Yardsticks, live, observed
from heartline.snapshot import Progress, Summary
from stream.calendar.clock import WallClock
from stream.calendar.day import day_of
from stream.config.settings import Settings
from stream.measures.product import product_config_from
from stream.scoring.scorecard import Scorecards

AFTER_CHURN_DAYS: Final = 60  # that a chart shows behind a churn
_FEW_EVENTS: Final = 50_000  # below it another process costs more than it saves


@dataclass
class History:
    """What a replay found.

    Attributes:
        accounts: with a label that can be true, in the order of their ids.
        labels: as read, or as the subscriptions tell.
        summary: of the files.
    """

    accounts: list[Observed] = field(default_factory=list)
    labels: Labels = field(default_factory=Labels)
    summary: Summary = field(default_factory=Summary)


def replay(
    files: Sequence[Path],
    churned: Path | None,
    scorecards: Mapping[str, Scorecards],
    settings: Settings,
    progress: Progress,
    measures: frozenset[str] = frozenset(),
    processes: int | None = None,
) -> History:
    """Live every account of the files through the product's fold.

    Args:
        files: JSON lines of events, plain, .gz or .zst, in any order.
        churned: the CSV of churn dates; None: the day on which an account's last paid subscription ended.
        scorecards: name to those that score.
        settings: the product's catalogue and the feeds' mappings.
        progress: called as the work goes on.
        measures: ids of further measures wanted at each month-end.
        processes: how many at most; None: one a core.

    Raises:
        FileError: a file can't be read.
        ConfigError: the churn dates have no header that fits.
    """
    yardsticks = Yardsticks(
        scorecards, frozenset(settings.product.core_features), product_config_from(settings), measures
    )
    with tempfile.TemporaryDirectory(prefix="heartline-backtest-") as folder:
        buckets = _filled(files, Path(folder), settings, progress)
        history = History(summary=buckets.summary)
        if buckets.last_day is None:
            return history
        if churned is not None:
            today = day_of(WallClock().now_ms(None))
            history.labels = read_labels(churned, buckets.first_days, today)
        lives = sorted(_lives(buckets, history.labels, yardsticks, settings, progress, processes), key=_by_id)
    for life in lives:
        if churned is None and life.ended_day is not None:
            history.labels.by_account[life.account_id] = Label(life.ended_day)
        label = history.labels.of(life.account_id)
        found = None if label is None else observed(life, label, buckets.last_day)
        if found is not None:
            history.accounts.append(found)
    return history


def _by_id(life: Life) -> str:
    return life.account_id


def _filled(files: Sequence[Path], folder: Path, settings: Settings, progress: Progress) -> Buckets:
    total = sum(path.stat().st_size for path in files if path.is_file())
    done = 0

    def on_read(count: int) -> None:
        nonlocal done
        done += count
        progress(done, max(total, done), "bytes of events")

    return fill(files, folder, settings, on_read)


def _lives(
    buckets: Buckets,
    labels: Labels,
    yardsticks: Yardsticks,
    settings: Settings,
    progress: Progress,
    processes: int | None,
) -> Iterator[Life]:
    """Every account's life, in processes of their own where it is worth it."""
    last_day = buckets.last_day or 0
    until = {
        account_id: _until(label, last_day)
        for account_id in buckets.first_days
        if (label := labels.of(account_id)) is not None
    }
    work = partial(_live_bucket, settings=settings, links=buckets.links, yardsticks=yardsticks, until=until)
    paths = sorted((path for path in buckets.paths if path.stat().st_size), key=lambda path: -path.stat().st_size)
    count = processes or os.cpu_count() or 1
    done = 0
    if count == 1 or buckets.summary.events < _FEW_EVENTS:
        for path in paths:
            yield from (lives := work(path))
            done += len(lives)
            progress(done, len(until), "accounts")
        return
    with ProcessPoolExecutor(min(count, len(paths)), multiprocessing.get_context("spawn")) as pool:
        for lives in pool.map(work, paths):
            yield from lives
            done += len(lives)
            progress(done, len(until), "accounts")


def _until(label: Label, last_day: int) -> int:
    """The last day of a life that anybody looks at."""
    observed_day = last_day if label.observed_day is None else min(label.observed_day, last_day)
    return observed_day if label.churned_day is None else min(label.churned_day + AFTER_CHURN_DAYS, observed_day)


def _live_bucket(
    path: Path, *, settings: Settings, links: Links, yardsticks: Yardsticks, until: Mapping[str, int]
) -> list[Life]:
    """The lives of a bucket's accounts that have a label."""
    found = []
    for account_id, events in accounts_in(path, settings, links):
        if account_id in until:
            life = live(account_id, events, yardsticks, until[account_id])
            if life is not None:
                found.append(life)
    return found
