"""A backtest from files to figures, on a company of which everything is known."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heartline.backtest.labels import EPOCH_DAY
from heartline.backtest.life import Observed
from heartline.backtest.page import page
from heartline.backtest.pages import PageRule
from heartline.backtest.run import History, replay
from heartline.backtest.study import study
from heartline.snapshot import DateRule, Summary, read_events, reports, scorecards_of
from stream.config.settings import Settings
from tests.unit.backtest.companies import ACCOUNTS, DAYS, FIRST, churn_day, name_of, write_churned, write_events
from tests.unit.heartline.test_cli import run

pytestmark = pytest.mark.xdist_group("scikit-learn")

SETTINGS = Settings()
CARDS = {"shipped": scorecards_of(SETTINGS)}
FIRST_DAY = (FIRST - EPOCH_DAY).days


def silent(done: int, total: int, what: str) -> None:
    """No bar."""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the company."""
    folder = tmp_path_factory.mktemp("company")
    write_events(folder / "events.jsonl")
    write_churned(folder / "churned.csv")
    return folder


@pytest.fixture(scope="module")
def history(company: Path) -> History:
    """Its lives, with their labels."""
    return replay([company / "events.jsonl"], company / "churned.csv", CARDS, SETTINGS, silent, processes=1)


def test_scores_are_those_of_a_snapshot(company: Path, history: History) -> None:
    """Day by day what `heartline snapshot` says of the same files, band included."""
    events = read_events([company / "events.jsonl"], SETTINGS, Summary())
    days = DateRule(every="month").days(FIRST_DAY, FIRST_DAY + DAYS - 1)[:20]
    lives = {account.life.account_id: account for account in history.accounts}
    compared = 0
    for day, report in reports(events, days, frozenset()):
        account = lives[report.account_id]
        if day > account.end_day:
            continue
        score = account.life.scores["shipped"][day - account.life.first_day]
        assert score == pytest.approx(report.score, abs=0.06)  # a report rounds to a tenth
        band = next(row.bands["shipped"] for row in account.life.month_ends if row.day == day)
        assert band == report.band
        compared += 1
    assert compared > 300


def test_lives_end_where_nothing_more_is_known(history: History) -> None:
    """Soon after the churn, or with the last event of all."""
    last_event_day = max(account.observed_day for account in history.accounts)
    assert len(history.accounts) == ACCOUNTS
    for number, account in enumerate(history.accounts):
        churned = churn_day(number)
        assert account.life.account_id == name_of(number)
        assert account.churned_day == (None if churned is None else FIRST_DAY + churned)
        assert account.end_day == (last_event_day if churned is None else FIRST_DAY + churned - 1)
        assert account.life.users[:100].max() == 5
        assert (account.life.users == account.life.events).all()


def test_figures_are_those_of_the_landmarks(sklearn_metrics: Any, history: History) -> None:
    """AUROC by scikit-learn over rows that are gathered here again, by the calendar."""
    found, marks = study(history.accounts, ["shipped"], 90, PageRule(), replicates=100)
    rows = []
    for account in history.accounts:
        for day in range(account.life.first_day, account.end_day + 1):
            ends_month = (EPOCH_DAY + timedelta(days=day + 1)).day == 1
            score = account.life.scores["shipped"][day - account.life.first_day]
            left = None if account.churned_day is None else account.churned_day - day
            event = left is not None and left <= 90
            if ends_month and not np.isnan(score) and (event or (left or account.observed_day - day) >= 90):
                rows.append((score, event))
    scores, events = np.array(rows).T
    area = found.scorecards[0].predictor.auroc
    assert area is not None
    assert area.value == pytest.approx(sklearn_metrics.roc_auc_score(events, -scores))
    assert area.value > 0.7  # the company is made so that the end shows
    assert area.interval is not None
    assert area.interval.low <= area.value <= area.interval.high
    assert (found.landmarks, found.events) == (len(rows), int(events.sum()))
    assert found.churned_accounts == 12
    assert len(marks.rows) == len(rows)
    bands = found.scorecards[0].bands
    assert sum(row.landmarks for row in bands) == len(rows)
    assert sum(row.events for row in bands) == found.events
    groups = [*found.scorecards[0].by_size, *found.scorecards[0].by_segment]
    assert sum(row.landmarks for row in groups) == 2 * len(rows)


def test_the_same_lives_come_out_of_several_processes_and_files(
    company: Path, history: History, tmp_path: Path
) -> None:
    """Whatever the order of files and lines."""
    lines = (company / "events.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "late.jsonl").write_text("".join(reversed(lines[1::2])))
    (tmp_path / "early.jsonl").write_text("".join(lines[0::2]))
    files = [tmp_path / "late.jsonl", tmp_path / "early.jsonl"]
    other = replay(files, company / "churned.csv", CARDS, SETTINGS, silent, processes=2)
    assert len(other.accounts) == len(history.accounts)
    for ours, theirs in zip(history.accounts, other.accounts, strict=True):
        assert np.array_equal(ours.life.users, theirs.life.users)
        assert np.array_equal(ours.life.scores["shipped"], theirs.life.scores["shipped"], equal_nan=True)


def test_the_report_is_one_file_that_loads_nothing(history: History) -> None:
    """With the curves, the accounts and their charts, and what was left out."""
    found, _ = study(history.accounts, ["shipped"], 90, PageRule(), replicates=50)
    history.labels.problems.append("churned.csv:9: account '<b>' has no events")
    html = page(found, history, datetime(2024, 1, 1, tzinfo=UTC))
    history.labels.problems.clear()
    assert not re.search(r"(src|href)\s*=|@import|url\(|<script|http", html)
    assert html.count("<svg") == 2 + 1 + 20  # ROC and precision, bands, ten best and ten worst
    assert "account &#39;&lt;b&gt;&#39; has no events" in html
    assert "What may be concluded" in html


def test_few_churns_give_counts_and_no_auroc(company: Path, tmp_path: Path) -> None:
    """Nine are one too few."""
    few = write_churned(tmp_path / "few.csv", 18)
    result = run("backtest", str(company / "events.jsonl"), "--churned", str(few), "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["churned"], found["churned_accounts"]) == (9, 9)
    assert found["scorecards"][0]["predictor"]["auroc"] is None
    assert all(row["auroc"] is None for row in found["baselines"])
    assert sum(row["events"] for row in found["scorecards"][0]["bands"]) == found["events"] > 9
    assert "9 accounts churned" in found["conclusion"]
    shown = run("backtest", str(company / "events.jsonl"), "--churned", str(few))
    assert "AUROC" not in shown.stdout.replace("no AUROC", "")
    assert "9 accounts churned within 180 days" in shown.stdout


def test_the_command_prints_and_writes_what_it_found(company: Path, tmp_path: Path) -> None:
    """Two scorecards beside each other, labels that are wrong on stderr, and the report."""
    labels = tmp_path / "churned.csv"
    labels.write_text((company / "churned.csv").read_text() + "nobody,2023-01-01\naccount-01,2023-13-01\n")
    other = tmp_path / "other.yaml"
    other.write_text(
        "- name: other\n  version: 2\n  groups: {use: {measures: {wau: {weight: 1, curve: {0: 0, 10: 100}}}}}\n"
    )
    out = tmp_path / "report.html"
    given = ["--churned", str(labels), "--scorecard", str(other), "--scorecard", str(_shipped(tmp_path))]
    result = run("backtest", str(company / "events.jsonl"), *given, "--out", str(out), "--horizon", "90d")
    assert result.exit_code == 0, result.output
    for text in (
        "other@2",
        "copy@1",
        "days since last use",
        "BG/NBD",
        "chance",
        "an account-year",
        "left out  1 accounts",
    ):
        assert text in result.stdout
    assert f"bad label {labels}:14: account 'nobody' has no events" in result.stderr
    assert f"bad label {labels}:15: churned_at = '2023-13-01' is no date" in result.stderr
    assert "other@2" in out.read_text()


def _shipped(folder: Path) -> Path:
    """A second scorecard."""
    path = folder / "copy.yaml"
    path.write_text(
        "- name: copy\n  version: 1\n  groups: {use: {measures: {mau: {weight: 1, curve: {0: 0, 5: 100}}}}}\n"
    )
    return path


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "give either --churned CSV"),
        (["--churned", "x.csv", "--from-ledger"], "give either --churned CSV"),
        (["--from-ledger", "--horizon", "half a year"], "expected days from 7 to 1000, as 180d"),
        (["--from-ledger", "--horizon", "3d"], "expected days from 7 to 1000"),
        (["--churned", "nothing.csv"], "nothing.csv: can't be read"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(company: Path, given: list[str], says: str) -> None:
    result = run("backtest", str(company / "events.jsonl"), *given)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_the_ledger_tells_who_churned(company: Path, tmp_path: Path) -> None:
    """The last paid subscription's end; a trial, another one that runs, or a return is no churn."""
    changes = [
        ("account-01", "a", "started", 10), ("account-01", "a", "cancelled", 400),
        ("account-03", "a", "started", 10), ("account-03", "b", "started", 20), ("account-03", "a", "cancelled", 400),
        ("account-05", "a", "trial_started", 10), ("account-05", "a", "cancelled", 40),
        ("account-07", "a", "started", 10), ("account-07", "a", "cancelled", 100), ("account-07", "b", "started", 200),
        ("account-09", "a", "started", 10), ("account-09", "b", "started", 20),
        ("account-09", "b", "cancelled", 500), ("account-09", "a", "cancelled", 300),
    ]  # fmt: skip
    ledger = tmp_path / "subscriptions.jsonl"
    with ledger.open("w") as file:
        for number, (account, subscription, status, day) in enumerate(changes):
            moment = f"{FIRST + timedelta(days=day)}T12:00:00Z"
            event = {"type": "subscription", "event_id": f"s{number}", "account_id": account, "timestamp": moment}
            file.write(json.dumps(event | {"subscription_id": subscription, "status": status}) + "\n")
    found = replay([company / "events.jsonl", ledger], None, CARDS, SETTINGS, silent, processes=1)
    churned: dict[str, Observed] = {
        account.life.account_id: account for account in found.accounts if account.churned_day is not None
    }
    assert {name: account.churned_day for name, account in churned.items()} == {
        "account-01": FIRST_DAY + 400,
        "account-09": FIRST_DAY + 500,
    }


def test_the_sample_that_ships_is_as_its_page_says() -> None:
    """Events, accounts and churns; and the command over it runs to its figures."""
    sample = Path(__file__).resolve().parents[3] / "examples" / "backtest"
    result = run("backtest", str(sample / "events.jsonl.gz"), "--churned", str(sample / "churned.csv"), "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["accounts"], found["churned"], found["bad_lines"], found["bad_labels"]) == (28, 19, 0, [])
    area = found["scorecards"][0]["predictor"]["auroc"]
    assert 0.66 < area["value"] < 0.76  # docs/validity.md says 0.712
    assert area["interval"]["low"] < area["value"] < area["interval"]["high"]
