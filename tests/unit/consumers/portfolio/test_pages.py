"""The process's pages and API over a small ledger: every number leads to its accounts, and nobody unknown sees any."""

import csv
import io
import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from consumers.board.settings import BoardOptions
from consumers.portfolio.app import make_app
from consumers.portfolio.charts import Line, Mark, line_chart
from consumers.portfolio.days import period_of
from consumers.portfolio.pages import NAMES
from consumers.portfolio.service import PortfolioService
from consumers.portfolio.settings import PortfolioOptions
from tests.page_links import follow_all
from tests.unit.consumers.portfolio.books import Books, records

TODAY = datetime.now(UTC).date()
QUARTER = period_of(TODAY, "quarter").previous()
PERIOD = QUARTER.name
HALFWAY = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=QUARTER.first_day + 40)).date().isoformat()


@pytest.fixture
def service() -> PortfolioService:
    books = Books()
    books.add("account", "2020-01-01", "acme", name="Acme <b>", segment="smb")
    books.subscription("2020-01-05", "started", 300, account="acme")
    books.subscription("2020-01-05", "started", 100, account="beta")
    books.subscription(HALFWAY, "cancelled", account="acme")
    return PortfolioService(PortfolioOptions(), books.store())


@pytest.fixture
def client(service: PortfolioService) -> Iterator[TestClient]:
    with TestClient(make_app(service, BoardOptions())) as client:
        yield client


def test_from_a_falling_nrr_to_the_account_that_caused_it(client: TestClient) -> None:
    page = client.get("/revenue", params={"period": PERIOD}).text
    links = [unescape(link) for link in re.findall(r'href="(/page/accounts[^"]+)"', page)]
    (nrr,) = {link for link in links if "figure=nrr" in link and "by=" not in link}  # in the table, tile and chart
    assert "25.0 %" in page
    behind = client.get(nrr).text
    assert behind.index("acme") < behind.index("beta")
    assert "Acme &lt;b&gt;" in behind


def test_a_restated_period_names_the_event_and_accounts_lead_to_the_board(service: PortfolioService) -> None:
    books = Books()
    first = books.subscription("2020-01-05", "started", 300, account="acme/eu")
    late = {"amount": 200, "recorded_at": f"{TODAY}T00:00:00Z"}
    books.events.append(first | late)
    restated = PortfolioService(PortfolioOptions(), books.store())
    board = BoardOptions.model_validate({"public_url": "https://board.example/"})
    with TestClient(make_app(restated, board)) as client:
        assert 'href="/page/restatements"' in client.get("/revenue").text
        page = client.get("/page/restatements", params={"period": PERIOD}).text
        assert "1 late event, -1,200 EUR a year" in page
        assert '<a href="https://board.example/accounts/acme%2Feu">acme/eu</a>' in page
        assert '<a href="https://board.example/">Board</a>' in page
        table = client.get("/page/restatements", params={"period": PERIOD, "export": "csv"}).text
        assert next(csv.DictReader(io.StringIO(table)))["after_amount"] == "2400.00"


def test_what_is_paid_in_a_currency_without_a_rate_is_said_on_every_page() -> None:
    """It is left out, and a sum in which somebody is missing must say so."""
    books = Books()
    books.subscription("2020-01-05", "started", 300, currency="USD")
    service = PortfolioService(PortfolioOptions(), books.store())
    sentence = "Accounts that paid before their currency had a rate: 1 in USD."
    with TestClient(make_app(service, BoardOptions())) as client:
        assert [name for name in NAMES if sentence not in client.get(f"/{name}").text] == []
        assert client.get("/api/v1/portfolio/status").json()["without_rate"] == {"USD": 1}


def test_every_link_and_every_choice_of_the_portfolio_leads_to_a_page(client: TestClient) -> None:
    found = follow_all(client, "/", 120)
    assert [path for path, status in found.items() if status != 200] == []
    assert {f"/{name}" for name in NAMES} <= {path.partition("?")[0] for path in found}


@pytest.mark.parametrize("path", ["/", *(f"/{name}" for name in NAMES), "/page/renewals"])
def test_every_page_is_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for file in ("/static/board.css", "/own/portfolio.css"):
        assert client.get(file).status_code == 200


def test_a_page_and_the_accounts_behind_a_number_go_into_a_spreadsheet(client: TestClient) -> None:
    table = client.get("/revenue", params={"period": PERIOD, "export": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    rows = {(row["table"], row["figure"], row["group"]): row for row in csv.DictReader(io.StringIO(table.text))}
    assert rows["Retention", "nrr", ""]["value"] == "0.25"
    behind = client.get("/page/accounts", params={"figure": "nrr", "period": PERIOD, "export": "csv"}).text
    assert [row["account_id"] for row in csv.DictReader(io.StringIO(behind))] == ["acme", "beta"]


@pytest.mark.parametrize("name", ["renewals", "features", "health"])
def test_pages_that_are_no_figures_go_into_a_spreadsheet_too(client: TestClient, name: str) -> None:
    assert f'href="/{name}?' in client.get(f"/{name}").text
    answer = client.get(f"/{name}", params={"export": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    tables = {row["table"] for row in csv.DictReader(io.StringIO(answer.text))}
    assert tables == {"features": set(), "renewals": set(), "health": {"churn_by_band", "fates"}}[name]


def test_a_figure_of_costs_leads_to_the_costs_and_to_the_accounts_that_they_are_divided_by() -> None:
    books = Books()
    books.subscription(HALFWAY, "started", 300, account="acme")
    told = {"period": PERIOD, "kind": "acquisition", "amount": 900, "currency": "EUR", "campaign": "fair"}
    books.add("cost", HALFWAY, **told)
    service = PortfolioService(PortfolioOptions(), books.store())
    with TestClient(make_app(service, BoardOptions())) as client:
        page = client.get("/growth", params={"period": PERIOD}).text
        asked = {"figure": "cac", "period": PERIOD}
        assert f"/page/accounts?figure=cac&amp;period={PERIOD}" in page
        behind = client.get("/page/accounts", params=asked).text
        assert "fair" in behind
        assert "900" in behind
        assert "acme" in behind
        gap = client.get("/page/accounts", params=asked | {"figure": "clv_cac_gap"}).text
        assert [name for name in ("ARPA:", "Revenue churn:", "CAC:", "fair", "acme") if name not in gap] == []


@pytest.mark.parametrize(("unit", "count"), [("month", 13), ("quarter", 8), ("year", 4)])
def test_periods_are_chosen_by_a_click_and_what_runs_is_the_last(client: TestClient, unit: str, count: int) -> None:
    page = client.get("/revenue", params={"unit": unit}).text
    assert page.count('<th scope="col">2') == page.count("<thead>") * (count - 1)
    assert page.count('<span class="n">so far</span>') == page.count("<thead>")
    assert f'<a href="/revenue?unit={unit}" aria-current="true">' in page


def test_marks_of_charts_say_their_value_and_lead_to_their_accounts(client: TestClient) -> None:
    page = client.get("/revenue", params={"period": f"{QUARTER.previous().name}..{PERIOD}"}).text
    marks = re.findall(r'<a href="([^"]+)" aria-label="([^"]+)"><title>', page)
    told = {label.split(" (")[0]: unescape(link) for link, label in marks}
    assert f"NRR, {PERIOD}: 25.0 %" in told
    assert "churn: 3,600" in told
    assert told["churn: 3,600"] == f"/page/accounts?figure=churn&period={PERIOD}"


def test_names_of_lines_lie_over_each_other_and_over_no_period() -> None:
    lines = [Line(name, "a", [Mark("2026-Q1", 90.0, "90"), Mark("2026-Q2", end, "low")]) for name, end in ENDS]
    drawn = str(line_chart("low ends", lines, percent=False))
    heights = [float(y) for y in re.findall(r'class="name a" x="[\d.]+" y="([\d.]+)"', drawn)]
    (periods,) = {float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="middle">2026', drawn)}
    assert len(heights) == len(ENDS)
    assert min(abs(one - other) for one, other in itertools.combinations(heights, 2)) >= 14
    assert max(heights) <= periods - 14


ENDS = (("CLV", 0.5), ("CAC", 0.2), ("gap", 0.3))


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/nowhere", {}, 404),
        ("/revenue", {"period": "soon"}, 422),
        ("/page/accounts", {"figure": "profit", "period": PERIOD}, 422),
        ("/page/members", {"of": "sales", "key": "x"}, 422),
        ("/page/members", {"of": "launch", "key": "never", "days": 7}, 422),
        ("/api/v1/portfolio/figures", {"by": "colour"}, 422),
        ("/api/v1/portfolio/accounts", {"figure": "save_rate", "by": "product"}, 422),
        ("/api/v1/portfolio/figures", {"period": "1900-01-01..2026-01-01"}, 422),
    ],
)
def test_what_cannot_be_answered_is_said(client: TestClient, path: str, params: dict[str, Any], status: int) -> None:
    assert client.get(path, params=params).status_code == status


def test_nobody_unknown_sees_revenue_and_a_browser_may_give_the_token_as_a_password(service: PortfolioService) -> None:
    board = BoardOptions.model_validate({"read_token": "a-token-that-may-only-read"})
    with TestClient(make_app(service, board)) as client:
        refused = client.get("/revenue")
        assert (refused.status_code, refused.headers["www-authenticate"].split()[0]) == (401, "Basic")
        assert client.get("/revenue", auth=("anyone", "wrong")).status_code == 401
        assert client.get("/revenue", auth=("anyone", "a-token-that-may-only-read")).status_code == 200
        assert client.post("/revenue", auth=("anyone", "a-token-that-may-only-read")).status_code == 405
        assert client.get("/healthz").status_code == 200


def test_an_answer_is_kept_until_the_ledger_changes(service: PortfolioService) -> None:
    quarter = [QUARTER]
    first = service.figures(["arr"], quarter)
    assert service.figures(["arr"], quarter) is first
    books = Books()
    books.subscription("2020-01-05", "started", 50, account="gamma")
    books.events[0]["event_id"] = "another"
    (record,) = records(books.events, first_offset=100)
    service.store.append([record])
    service.store.refresh()
    ((_, value),) = service.figures(["arr"], quarter)
    assert value.value == (first[0][1].value or 0) + 60_000
