"""`heartline portfolio` over files: tables, JSON, CSV, HTML, the accounts behind a figure, what was known when."""

import csv
import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from consumers.board.settings import BoardOptions
from consumers.portfolio.app import make_app
from consumers.portfolio.lifetime import ALL_IDS
from consumers.portfolio.settings import PortfolioSettings
from consumers.portfolio.tables import EXPORTED
from consumers.web_server import WebServer
from heartline.cli import app
from heartline.portfolio.answers import FileAnswers, newest_day
from heartline.portfolio.files import load_files
from tests.unit.consumers.portfolio.books import Books

Run = Callable[..., str]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Two accounts; one leaves, and a price is corrected after the quarter."""
    books = Books()
    books.add("account", "2026-01-01", "acme", name="Acme", segment="smb")
    books.add("account", "2026-01-01", "beta", name="Beta", segment="enterprise")
    first = books.subscription("2026-01-05", "started", 100, account="acme", term_end="2027-01-05")
    books.subscription("2026-01-05", "started", 300, account="beta")
    books.subscription("2026-05-05", "cancelled", account="beta")
    books.events.append(first | {"amount": 80, "recorded_at": "2026-07-20T00:00:00Z"})
    books.add("touchpoint", "2026-08-01", "acme", kind="call")
    file = tmp_path / "events.jsonl"
    lines = [json.dumps(event) for event in books.events]
    file.write_text("\n".join([*lines, '{"type": "usage"}', "no json"]), "utf-8")
    return file


def run(*args: Any, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["portfolio", *map(str, args)])
    assert result.exit_code == status, result.output
    return result.stdout if status == 0 else result.output


def values(*args: Any) -> dict[tuple[str, str | None], Any]:
    return {(row["figure"], row["group"]): row["value"] for row in json.loads(run(*args, "--json"))["figures"]}


def test_json_has_the_value_and_what_it_is_made_of(events: Path) -> None:
    (row,) = json.loads(run(events, "--period", "2026-Q2", "--figure", "nrr", "--json"))["figures"]
    assert row["value"] == pytest.approx(80 / 380)
    assert (row["numerator"], row["denominator"], row["n"]) == (96_000, 456_000, 2)


def test_money_is_in_the_companys_currency_and_exact_in_minor_units(events: Path) -> None:
    found = json.loads(run(events, "--period", "2026-Q3", "--figure", "arr", "--json"))
    assert found["currency"] == "EUR"
    (row,) = found["figures"]
    assert (row["value"], row["minor"], row["unit"]) == (960.0, 96_000, "EUR")


def test_the_last_events_quarter_is_shown_when_none_is_named(events: Path) -> None:
    assert "2026-Q3" in run(events)


def test_by_segment_each_group_has_its_own(events: Path) -> None:
    found = values(events, "--period", "2026-Q2", "--by", "segment", "--figure", "logo_churn")
    assert found == {("logo_churn", "smb"): 0, ("logo_churn", "enterprise"): 1}


def test_explain_names_the_account_that_caused_it(events: Path) -> None:
    rows = json.loads(run(events, "--period", "2026-Q2", "--figure", "nrr", "--explain", "--json"))
    assert [(row["name"], row["numerator"], row["denominator"]) for row in rows] == [
        ("Beta", 0, 360_000),
        ("Acme", 96_000, 96_000),
    ]
    assert "Beta" in run(events, "--period", "2026-Q2", "--figure", "nrr", "--explain")


def test_as_known_shows_what_was_known_then(events: Path) -> None:
    then = values(events, "--period", "2026-Q2", "--figure", "arr", "--as-known", "2026-07-01")
    assert then == {("arr", None): 1200.0}
    assert values(events, "--period", "2026-Q2", "--figure", "arr") == {("arr", None): 960.0}


def test_restatements_name_the_event_that_came_late(events: Path) -> None:
    (row,) = json.loads(run("restatements", events, "--period", "2026-Q2", "--json"))
    assert (row["account"], row["status"], row["before_minor"], row["after_minor"]) == (
        "acme",
        "started",
        120_000,
        96_000,
    )
    assert json.loads(run("restatements", events, "--period", "2026-Q3", "--json")) == []


def test_renewals_list_the_terms_that_end_soon(events: Path) -> None:
    assert json.loads(run("renewals", events, "--json"))["renewals"] == []
    (row,) = json.loads(run("renewals", events, "--days", "200", "--json"))["renewals"]
    assert (row["account"], row["minor"], row["overdue_days"]) == ("acme", 96_000, 0)


def test_adoption_tells_bands_features_and_launches(events: Path, tmp_path: Path) -> None:
    day = {"type": "account_day", "account_id": "acme", "band": "watch", "features": ["maps"]}
    days = tmp_path / "days.jsonl"
    days.write_text(json.dumps(day | {"day": "2026-07-31", "timestamp": "2026-07-31T23:00:00Z"}), "utf-8")
    config = tmp_path / "heartline.yaml"
    config.write_text("product: {launches: {maps: 2026-07-01}}", "utf-8")
    found = json.loads(run("adoption", events, days, "--config", config, "--json"))
    assert [(each["feature"], each["used_by"], each["accounts"]) for each in found["features"]] == [("maps", 1, 1)]
    assert {each["days"] for each in found["launches"]} == {7, 14, 30, 60}
    assert sum(each["churned"] for each in found["bands"]) >= 1
    assert "maps" in run("adoption", events, days)


def test_csv_and_html_hold_the_same_figures(events: Path, tmp_path: Path) -> None:
    table = list(csv.DictReader(io.StringIO(run(events, "--period", "2026-Q2", "--figure", "nrr", "--csv", "-"))))
    assert [(row["figure"], row["period"], row["n"]) for row in table] == [("nrr", "2026-Q2", "2")]
    page = tmp_path / "page.html"
    run(events, "--period", "2026-Q1..2026-Q2", "--by", "segment", "--html", page)
    assert "<h2>segment: enterprise</h2>" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("asked", "tables"),
    [
        (("renewals", "--days", "200"), {"bands", "renewals"}),
        (("restatements", "--period", "2026-Q2"), {"restatements"}),
        (("adoption",), {"bands"}),
        (("usage-drops",), {"fates"}),
        (("plays",), set()),
    ],
)
def test_lists_are_written_as_csv_and_html_too(
    events: Path, tmp_path: Path, asked: tuple[str, ...], tables: set[str]
) -> None:
    page = tmp_path / "page.html"
    command, *options = asked
    found = list(csv.DictReader(io.StringIO(run(command, events, *options, "--csv", "-", "--html", page))))
    assert {row["table"] for row in found} == tables
    assert [name for name in tables if f"<h2>{name.capitalize()}</h2>" not in page.read_text("utf-8")] == []
    if command == "renewals":
        (term,) = [row for row in found if row["table"] == "renewals"]
        assert (term["account"], term["end_day"], term["amount"]) == ("acme", "2027-01-05", "960.00")


def test_every_figure_can_be_asked_for(events: Path) -> None:
    found = values(events, "--period", "2026-Q2", "--figure", "all")
    assert found["clv", None] is not None
    assert {id_ for id_, _ in found} == set(ALL_IDS)
    by_product = values(events, "--period", "2026-Q2", "--figure", "all", "--by", "product")
    assert {id_ for id_, _ in by_product} < {id_ for id_, _ in found} or by_product == {}


def test_what_is_derived_is_written_as_parquet_by_files_and_process_alike(
    events: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARTLINE_BOARD__READ_TOKEN", TOKEN)
    run("export", tmp_path / "a", events)
    written = json.loads(run("export", tmp_path / "b", "--server", server, "--json"))
    assert {Path(path).name for path in written.values()} == {f"{table}.parquet" for table in written}
    for folder in ("a", "b"):
        names = sorted(path.stem for path in (tmp_path / folder).iterdir())
        assert names == sorted(EXPORTED)
        db = duckdb.connect()
        moved = f"'{tmp_path / folder}/movements.parquet' WHERE account = 'beta' AND kind = 'churn'"
        assert db.execute(f"SELECT minor FROM {moved}").fetchall() == [(360_000,)]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--period", "2026-13"), "expected a day (2026-07-31)"),
        (("--by", "colour"), "expected one of segment"),
        (("--figure", "profit"), "there is none"),
        (("--figure", "cac", "--by", "segment"), "costs are told by campaign"),
        (("--figure", "save_rate", "--by", "product"), "belongs to no product"),
        (("--explain",), "expected one --figure and one --period"),
        (("--as-known", "soon"), "expected a date"),
    ],
)
def test_what_cannot_be_answered_is_said(events: Path, args: tuple[str, ...], said: str) -> None:
    assert said in " ".join(run(events, *args, status=2).split())


def test_a_file_without_subscriptions_says_so(tmp_path: Path) -> None:
    file = tmp_path / "usage.jsonl"
    file.write_text('{"type": "usage", "timestamp": "2026-01-01T00:00:00Z"}\n', "utf-8")
    assert "no line that the portfolio can use" in run(file, status=2)


@pytest.fixture
def server(events: Path) -> Iterator[str]:
    """The same ledger behind the process's API."""
    settings = PortfolioSettings()
    loaded = load_files([events], settings.portfolio.rules)
    assert loaded.newest_ms is not None
    answers = FileAnswers(settings, loaded.store, newest_day(loaded.newest_ms, settings))
    served = WebServer(make_app(answers, BoardOptions.model_validate({"read_token": TOKEN})), "127.0.0.1", 0, "a test")
    thread = threading.Thread(target=served.run, daemon=True)
    thread.start()
    yield served.url
    served.stop()
    thread.join()


TOKEN = "a-token-that-may-only-read"


@pytest.mark.parametrize(
    "asked",
    [
        ("figures", "--period", "2026-Q1..2026-Q3", "--by", "segment", "--figure", "all"),
        ("figures", "--period", "2026-Q2", "--as-known", "2026-07-05"),
        ("figures", "--period", "2026-Q2", "--figure", "nrr", "--explain"),
        ("renewals", "--days", "400"),
        ("restatements", "--period", "2026-Q2"),
        ("adoption",),
        ("usage-drops",),
        ("plays",),
    ],
)
def test_the_process_answers_as_the_files_do(
    events: Path, server: str, asked: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARTLINE_BOARD__READ_TOKEN", TOKEN)
    command, *options = asked
    assert run(command, "--server", server, *options) == run(command, events, *options)


def test_who_does_not_answer_is_named_with_what_to_do(server: str) -> None:
    refused = run("figures", "--server", server, status=2)
    assert "401" in refused
    assert "HEARTLINE_BOARD__READ_TOKEN" in refused
    nobody = " ".join(run("--server", "http://127.0.0.1:9", status=2).split())
    assert "no portfolio answers" in nobody
    assert "heartline portfolio serve" in nobody


def test_a_synthetic_company_is_written_and_asked(tmp_path: Path) -> None:
    folder = tmp_path / "company"
    asked = ["synthetic", str(folder), "--accounts", "12", "--years", "1", "--until", "2026-06-30"]
    for _ in range(2):  # the same company, to the byte
        assert CliRunner().invoke(app, asked).exit_code == 0
        files = sorted(path.name for path in folder.iterdir())
        assert files == ["account-days.jsonl.gz", "events.jsonl.gz"]
    found = values(*(folder / name for name in files), "--period", "2026-Q2", "--figure", "accounts")
    assert found["accounts", None] > 2
