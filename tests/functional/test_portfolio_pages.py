"""The portfolio in a real browser: from a net retention that fell to the account that made it fall."""

import re
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from consumers.board.settings import BoardOptions
from consumers.portfolio.app import make_app
from consumers.portfolio.days import day_of, period_of
from consumers.portfolio.service import PortfolioService
from consumers.portfolio.settings import PortfolioOptions
from consumers.web_server import WebServer
from tests.unit.consumers.portfolio.books import Books

QUARTER = period_of(datetime.now(UTC).date(), "quarter").previous()
LEFT = (day_of(QUARTER.first_day) + timedelta(days=40)).isoformat()


@pytest.fixture
def address() -> Iterator[str]:
    """A company of which one large customer of forty left in the last quarter, behind the process's pages."""
    books = Books()
    for number in range(40):
        books.add(
            "account", "2020-01-01", f"a{number}", name=f"Customer {number}", segment="smb" if number % 2 else "mid"
        )
        books.subscription("2020-01-05", "started", 4000 if number == 17 else 100, account=f"a{number}")
    books.subscription(LEFT, "upgraded", 120, account="a3")
    books.subscription(LEFT, "cancelled", account="a17", reason="price")
    service = PortfolioService(PortfolioOptions(), books.store())
    server = WebServer(make_app(service, BoardOptions()), "127.0.0.1", 0, "a test")
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.url
    server.stop()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program is not None, "no chromium on PATH: `make test-tools` installs Debian's as root"
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"]) as found,
    ):
        yield found


def test_from_a_falling_nrr_to_the_account_that_caused_it(address: str, browser: Browser) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(address)

    tile = page.locator(".tile", has_text=f"NRR, {QUARTER.name}")
    expect(tile.locator(".value")).to_have_text("49.6 %")
    expect(tile.locator(".than")).to_have_class(re.compile("worse"))
    expect(page.get_by_label(f"NRR, {QUARTER.name}: 49.6 %")).to_have_count(1)  # the mark in the chart
    tile.locator(".value").click()

    expect(page.get_by_role("heading", level=1)).to_have_text(f"NRR, {QUARTER.name}")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(40)
    expect(rows.first).to_contain_text("Customer 17")
    expect(rows.first).to_contain_text("-48,000")
    expect(rows.nth(1)).to_contain_text("Customer 3")

    page.go_back()
    page.get_by_role("link", name=re.compile(r"^churn: 48,000")).click()  # the waterfall leads there, too
    expect(page.locator("tbody tr").first).to_contain_text("Customer 17")
    assert errors == []


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_every_page_fits_its_window(address: str, browser: Browser, width: int, scheme: str) -> None:
    """Wide tables scroll within themselves, and nothing is cut off."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    for name in ("revenue", "growth", "cohorts", "renewals", "team", "features", "health", "phases"):
        page.goto(f"{address}/{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
