"""The board in a real browser, over real Kafka and Redis, a real worker and a real alerting process."""

import json
import os
import shutil
import signal
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from kafka import KafkaProducer
from playwright.sync_api import Browser, Page, expect, sync_playwright

from consumers.worker_presence import WorkerPresence
from stream.config.settings import KafkaSettings
from stream.topics import Kind, Topics
from tests.deadlines import HANG_SECONDS
from tests.integration.roles import Role, wait_for
from tests.servers import Kafka

pytestmark = pytest.mark.xdist_group("board")

AXE: Final = Path(__file__).resolve().parents[1] / "data/axe/axe.min.js"
# Tables of which a part can only be seen by scrolling them.
CUT_OFF = """[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth + 1)
    .map(each => each.getAttribute('aria-labelledby'))"""
AXE_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE_COLOUR_RULES: Final = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
START: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAYS: Final = 60
EVIL: Final = "<script>document.title='owned'</script>"
PAGES: Final = ("/", "/reviews", "/accounts/acme", "/alerts", "/alerts/resolved", "/pipeline")


@dataclass
class Installation:
    """A worker, alerting and a board over topics of their own.

    Attributes:
        url: of the board.
        env: that every process is told.
        worker, board: the processes.
        produce: sends one event.
    """

    url: str
    env: dict[str, str]
    worker: Role
    board: Role
    produce: Callable[[Kind, str, datetime, dict[str, Any]], None]

    def get(self, path: str) -> Any:
        """What the API says."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def account(self, account_id: str) -> dict[str, Any]:
        """One account of the list; empty before its first report."""
        found = self.get(f"/api/v1/accounts?search={account_id}")["accounts"]
        return dict(found[0]) if found else {}


@pytest.fixture(scope="module")
def installation(kafka: Kafka, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Three accounts that are well after sixty days, and one record that is refused."""
    prefix, folder = f"t{uuid.uuid4().hex[:8]}-", tmp_path_factory.mktemp("board")
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "REDIS_URL": redis_url,
        "HEARTLINE_KAFKA__TOPIC_PREFIX": prefix,
        "HEARTLINE_KAFKA__APP_ID": f"{prefix}app",
        "HEARTLINE_KAFKA__PARTITIONS": "2",
        "HEARTLINE_REDIS__KEY_PREFIX": prefix,
        "HEARTLINE_WORKER__CLOCK": "event",
        "HEARTLINE_WORKER__CHECKPOINT_INTERVAL_SECONDS": "0.2",
        "HEARTLINE_WORKER__METRICS_PORT": "null",
        "HEARTLINE_ALERTING__CLOCK": "event",
        "HEARTLINE_ALERTING__METRICS_PORT": "null",
        "HEARTLINE_BOARD__PORT": "0",
        "HEARTLINE_BOARD__METRICS_PORT": "null",
    }
    roles = [Role([name], env, folder / f"{name}.log") for name in ("worker", "alerting", "board")]
    topics = Topics(prefix, f"{prefix}app")
    with ExitStack() as stack:
        for role in roles:
            stack.enter_context(role).start()
        for role, name in zip(roles, ("worker", "alerting", "board"), strict=True):
            wait_for(lambda role=role, name=name: f"{name} ready" in role.output(), 60, f"{name} ready")  # type: ignore[misc]
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
        stack.callback(producer.close)

        def produce(kind: Kind, account_id: str, at: datetime, fields: dict[str, Any]) -> None:
            event = {"type": kind, "event_id": uuid.uuid4().hex, "account_id": account_id, "timestamp": at.isoformat()}
            producer.send(topics.input(kind), key=account_id.encode(), value=json.dumps(event | fields).encode())

        url = roles[2].output().split("board ready on ")[1].split()[0]
        found = Installation(url, env, roles[0], roles[2], produce)
        for account_id in ("acme", "birch", "cedar"):
            _live_well(found, account_id)
        producer.send(topics.input("usage"), key=b"acme", value=EVIL.encode())
        producer.flush()
        wait_for(lambda: found.account("acme").get("band") == "healthy", 60, "acme is well on the board")
        yield found


def _live_well(found: Installation, account_id: str) -> None:
    profile = {"name": f"{account_id.title()} & Co", "segment": "smb", "owner": "Dana Fields", "licensed_seats": 6}
    found.produce("account", account_id, START, {"fields": profile} | profile)
    for day in range(DAYS):
        for user in range(5):
            at = START + timedelta(days=day, minutes=user)
            feature = ("reports", "exports", "alerts")[(day + user) % 3]
            found.produce("usage", account_id, at, {"user_id": f"{account_id}-{user}", "feature": feature})
    answer = {"survey": "nps", "score": 9, "user_id": f"{account_id}-1"}
    found.produce("survey", account_id, START + timedelta(days=DAYS - 1), answer)


def fall(found: Installation, account_id: str) -> None:
    """Nobody comes any more, tickets escalate, and those who answer are unhappy."""
    for day in range(DAYS, DAYS + 40, 4):
        at = START + timedelta(days=day)
        ticket = {"ticket_id": f"{account_id}-{day}", "status": "opened", "priority": "urgent"}
        found.produce("ticket", account_id, at, ticket)
        found.produce("ticket", account_id, at + timedelta(hours=1), ticket | {"status": "escalated"})
        answer = {"survey": "nps", "score": 1, "user_id": f"{account_id}-{day % 5}"}
        found.produce("survey", account_id, at + timedelta(hours=2), answer)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program is not None, "no chromium on PATH: `make test-tools` installs Debian's as root"
    expect.set_options(timeout=HANG_SECONDS * 1000)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        with playwright.chromium.launch(executable_path=program, args=arguments) as found:
            yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when a script does, or the policy stops something."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    found, said = context.new_page(), list[str]()
    found.on("pageerror", lambda error: said.append(str(error)))
    found.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    yield found
    context.close()
    assert said == []


def test_a_red_flag_opens_on_the_open_page_and_is_acknowledged(installation: Installation, page: Page) -> None:
    """From a quiet list to an acknowledged alert, without one reload."""
    page.goto(installation.url)
    row = page.locator("[data-row=acme]")
    expect(row).to_contain_text("Healthy")
    expect(page.locator("#live")).to_have_text("live")
    page.evaluate("window.neverReloaded = true")

    fall(installation, "acme")

    expect(row).not_to_contain_text("Healthy")
    expect(page.locator("[data-row]").first).to_have_attribute("data-row", "acme")
    expect(row.locator(".flag")).to_be_visible(timeout=30_000)
    expect(page.locator("#open-alerts")).not_to_have_text("0 open")
    assert page.evaluate("window.neverReloaded")

    page.get_by_role("link", name="Alerts").click()
    alert = page.locator("article.open").filter(has_text="Acme & Co").first
    expect(alert).to_contain_text("Unassigned")
    page.evaluate("window.neverReloaded = true")
    name = alert.get_attribute("data-row")
    page.locator(f"[data-row='{name}']").get_by_role("button", name="I'm on it").first.click()

    expect(page.locator("#flash")).to_contain_text("Acknowledged")
    expect(page.locator(f"[data-row='{name}']")).to_contain_text("is on it")
    expect(page.locator(f"[data-row='{name}'] .quick").get_by_role("button", name="I'm on it")).to_have_count(0)
    assert page.evaluate("window.neverReloaded")
    (known,) = [each for each in installation.get("/api/v1/alerts") if each["alert_id"] == name]
    assert known["acknowledged_by"]


def test_the_inbox_is_worked_through_by_keys(installation: Installation, page: Page) -> None:
    """Walk, select, snooze what is selected, and find it under its state."""
    page.goto(installation.url + "/alerts")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#ticked")).to_have_text("1 selected")
    page.keyboard.press("s")
    expect(page.locator("#flash")).to_contain_text("Done for 1 of 1 alerts.")
    expect(page.locator("article.row").last).to_contain_text("Snoozed until")

    page.get_by_role("link", name="Snoozed").click()
    expect(page).to_have_url(installation.url + "/alerts?state=snoozed")
    expect(page.locator("article.row")).to_have_count(1)
    page.locator("#search").fill("nobody of that name")
    expect(page.locator("article.row")).to_have_count(0)


def test_a_scorecard_is_handed_in_and_approved(installation: Installation, page: Page) -> None:
    page.goto(installation.url + "/accounts/birch")
    page.get_by_text("Hand in for a review").click()
    page.get_by_label("Comment").fill("goals agreed")
    page.get_by_role("button", name="Hand in").click()
    expect(page.locator("#review-steps")).to_contain_text("handed in")
    expect(page.locator("#waiting-reviews")).to_have_text("1 waiting")
    page.get_by_role("link", name="Reviews").click()
    page.get_by_role("link", name="Birch & Co").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#review-steps")).to_contain_text("approved")
    expect(page.locator("#waiting-reviews")).to_be_hidden()


def test_a_note_is_written_on_the_page_of_an_account_without_an_alert(installation: Installation, page: Page) -> None:
    page.goto(installation.url + "/accounts/birch")
    page.get_by_label("Add a note").fill("the sponsor moves to Berlin")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#flash")).to_contain_text("Noted: the sponsor moves to Berlin")
    expect(page.locator("#notes .note")).to_contain_text("the sponsor moves to Berlin")


def test_a_click_on_a_row_or_a_head_does_what_it_looks_like(installation: Installation, page: Page) -> None:
    page.goto(installation.url)
    page.get_by_role("columnheader", name="Account").get_by_role("link").click()
    expect(page).to_have_url(installation.url + "/?sort=name")
    expect(page.locator("[data-row]").first).to_have_attribute("data-row", "acme")
    page.locator("[data-row=birch] td.health").click()
    expect(page).to_have_url(installation.url + "/accounts/birch")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_accessible_in_both_themes(installation: Installation, page: Page, path: str) -> None:
    """As axe evaluates, at a desk and on a phone; and no page is wider than a phone.

    All rules in one theme, in the other those of colours: a theme changes nothing else.
    """
    page.goto(installation.url + path)
    expect(page.locator("#live")).to_have_class("live on")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.evaluate(AXE.read_text("utf-8"))
    grounds = set()
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for theme in themes:
        page.emulate_media(color_scheme=theme)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        for width, height in ((1280, 860), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            found = page.evaluate(
                "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})",
                AXE_RULES if theme == themes[0] else AXE_COLOUR_RULES,
            )
            wrong = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]]
            assert wrong == [], (path, theme, width)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
            if path.startswith("/accounts/"):
                assert page.evaluate(CUT_OFF) == [], (path, width)
    assert len(grounds) == 2, "the theme is the reader's"


def test_the_keyboard_does_what_the_mouse_can(installation: Installation, page: Page) -> None:
    """Search, walk, open, change the page and the theme, and find the keys."""
    page.goto(installation.url)
    page.keyboard.press("/")
    page.keyboard.type("birch")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page).to_have_url(installation.url + "/?search=birch")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(installation.url + "/accounts/birch")
    expect(page.locator("#score-plot").get_by_role("img")).to_be_visible()
    page.wait_for_load_state()  # the picture is there before the scripts, which listen to the keys
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page.get_by_role("heading", name="Pipeline", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_leaving_the_search_keeps_what_it_found(installation: Installation, page: Page) -> None:
    """A browser clears a search field on Escape: the list would grow back under the key pressed next."""
    page.goto(installation.url + "/?search=birch")
    page.locator("#search").focus()

    page.keyboard.press("Escape")

    expect(page.locator("#search")).not_to_be_focused()
    expect(page.locator("#search")).to_have_value("birch")


def test_the_row_one_stands_on_stays_so_when_the_order_changes(installation: Installation, page: Page) -> None:
    """Enter opens the account that was looked at, wherever fresh scores moved it."""
    page.goto(installation.url + "/?sort=name")
    page.keyboard.press("j")
    expect(page.locator("[data-row=acme] th a")).to_be_focused()

    page.evaluate("history.replaceState(null, '', '/?sort=name&reverse=true'); refresh()")

    expect(page.locator("[data-row]").first).to_have_attribute("data-row", "cedar")
    expect(page.locator("[data-row=acme] th a")).to_be_focused()


def test_a_refused_record_is_shown_with_its_original_and_does_nothing(installation: Installation, page: Page) -> None:
    """Whatever it says."""
    page.goto(installation.url + "/pipeline")
    letter = page.locator("details.letter").first
    letter.locator("summary").click()

    expect(letter.locator("pre")).to_have_text(EVIL)
    expect(page).to_have_title("Pipeline · Heartline")
    expect(page.locator("#state")).to_contain_text("product-usage")


def test_every_page_is_whole_without_scripts(installation: Installation, browser: Browser) -> None:
    """The chart is a drawing then, and the filters a form with a button."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(installation.url)
    page.get_by_label("Search accounts").fill("cedar")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Cedar & Co").click()
    expect(page.locator("#score-plot").get_by_role("img")).to_be_visible()
    context.close()


def test_the_terminal_and_the_file_tell_the_same(installation: Installation, browser: Browser, tmp_path: Path) -> None:
    """`top --once` and `report` over the same installation; the file asks for nothing from elsewhere."""
    top = Role(["top", "--once"], installation.env | {"COLUMNS": "140"}, tmp_path / "top.log").start()
    out = tmp_path / "report.html"
    report = Role(["report", "--out", str(out)], installation.env, tmp_path / "report.log").start()
    with top, report:
        for role in (top, report):
            assert role.process is not None
            assert role.process.wait(HANG_SECONDS) == 0, role.output()
    assert "Acme & Co" in top.output()
    assert "worker lag 0" in top.output()

    context = browser.new_context()
    page, asked = context.new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(out.as_uri())
    expect(page.locator("#account-1").get_by_role("img").first).to_be_visible()
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", AXE_RULES)
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
    assert asked == [out.as_uri()]
    context.close()


def test_a_worker_that_is_gone_is_said_on_every_page(installation: Installation) -> None:
    """Without it nothing moves, which looks like calm; before the last test, since the others need it."""

    def page() -> str:
        with urllib.request.urlopen(installation.url, timeout=30) as answer:
            return str(answer.read().decode())

    assert "is not running" not in page()
    process = installation.worker.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    process.wait(HANG_SECONDS)

    wait_for(lambda: "The worker is not running: scores stand still." in page(), 60, "the page says so")
    env = installation.env
    kafka = KafkaSettings(
        bootstrap_servers=env["KAFKA_BOOTSTRAP_SERVERS"],
        topic_prefix=env["HEARTLINE_KAFKA__TOPIC_PREFIX"],
        app_id=env["HEARTLINE_KAFKA__APP_ID"],
    )
    presence, stop = WorkerPresence(kafka, lambda: 0), threading.Event()
    presence.look()
    assert presence() is not None, "alerting sees it, too, and tells operators once it lasts"
    stop.set()
    presence.run(stop)
    assert "Unable to decode" not in installation.board.output()


def test_it_ends_cleanly_while_pages_are_open(installation: Installation, browser: Browser) -> None:
    """SIGTERM, status 0, within seconds; last in this file, since the others need it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(installation.url)
    expect(page.locator("#live")).to_have_text("live")
    process = installation.board.process
    assert process is not None
    process.send_signal(signal.SIGTERM)

    assert process.wait(HANG_SECONDS) == 0
    assert "board stopped" in installation.board.output()
    assert "Traceback" not in installation.board.output()
    expect(page.locator("#live")).to_have_text("not live: connecting again")
    context.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(installation.url, timeout=3)
