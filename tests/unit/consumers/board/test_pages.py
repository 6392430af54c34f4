"""The pages and the API over given records: what they show, escape, refuse and carry."""

import html
import json
import re
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from consumers.board.request_guard import HEADERS
from heartline.replay.lines import parse
from stream.contracts.dead_letters import dead_letter
from stream.contracts.errors import BadEvent
from stream.contracts.report import Cap, Change, Freshness, Override, Profile
from stream.kinds.decode import Decoder
from tests.reports import MONDAY, make_report
from tests.unit.consumers.board.board_app import FakeBoard
from tests.unit.consumers.board.test_alert_log import alert, step

EVIL = '<script>alert("x")</script>'
TOKEN, READ = "t" * 20, "r" * 20


def test_the_list_is_worst_first_with_reasons_and_unknown_said_so() -> None:
    board = FakeBoard()
    board.report(make_report("fine", 91.0, reason="steady; nothing holds it back"))
    board.report(make_report("bad", 12.0, past=[60.0] * 8, reason="down 48 in 7 days: everyone left"))
    board.report(make_report("new", None))

    page = board.client().get("/").text

    assert page.index("/accounts/bad") < page.index("/accounts/fine") < page.index("/accounts/new")
    assert "Down 48 in 7 days: everyone left" in page
    assert '<span class="figure">?</span>' in page
    assert "Unknown" in page


def test_an_empty_board_shows_how_to_send_the_first_event() -> None:
    page = html.unescape(FakeBoard().client().get("/").text)
    command = re.search(r"printf '(.+)\\n' \"\$\(date -u \+%FT%TZ\)\" \| heartline replay -", page)
    assert command is not None
    line = (command[1] % "2026-03-02T09:30:00Z").encode()
    assert parse(line).key == b"acme"
    assert Decoder("usage").decode(line).account_id == "acme"


def test_nothing_that_a_customer_wrote_is_taken_for_markup() -> None:
    board = FakeBoard()
    profile = Profile(name=EVIL, segment=EVIL, owner=EVIL)
    board.report(make_report(EVIL, 12.0, profile=profile, reason=EVIL))
    board.letter(dead_letter("t", 0, 1, 0, EVIL.encode(), EVIL.encode(), BadEvent("not_json", EVIL)))
    client = board.client()

    for path in (
        "/",
        f"/accounts/{EVIL}",
        "/pipeline",
        "/alerts",
        f"/?search={EVIL}&segment={EVIL}",
        f"/accounts/no{EVIL}",
    ):
        assert EVIL not in client.get(path).text
    assert "&lt;script&gt;" in client.get("/").text


def test_an_account_page_shows_both_values_of_an_override_and_what_caps_the_score() -> None:
    board = FakeBoard()
    override = Override("Dana", "the sponsor told me", MONDAY, score=80.0)
    caps = [Cap("cap-7", "escalation_running_hours", 90, 40.0, -12.0, "an escalation is stuck", "hours")]
    moved = [Change("cap-7", None, 90, -12.0, "an escalation is stuck", "hours")]
    reason = "set by Dana until 2 Mar 2026 (the sponsor told me), the scorecard says 31, at risk; steady"
    held: dict[str, Any] = {
        "override": override,
        "model_score": 31.0,
        "model_band": "at_risk",
        "caps": caps,
        "changes_7d": moved,
    }
    board.report(make_report("acme", 80.0, reason=reason, **held))

    page = board.client().get("/accounts/acme").text

    assert "Set by Dana until 2 Mar 2026 (the sponsor told me), the scorecard says 31, at risk." in page
    assert page.lower().count("set by dana") == 1
    assert '<p class="reason">Steady.</p>' in page
    assert "Held at 40 or below. An escalation is stuck: <strong>90 h</strong>" in page
    assert "not so → 90 h" in page
    assert "cap-7" not in page


def test_an_account_page_says_when_each_source_was_heard_of_and_which_is_silent_for_everybody() -> None:
    board = FakeBoard()
    tickets = Freshness(MONDAY - timedelta(days=41), 41.0)
    board.report(make_report("fresh", freshness={"tickets": tickets, "usage": Freshness(MONDAY, 0.0)}))
    stale = Freshness(MONDAY - timedelta(days=6), 6.0, is_stale=True)
    board.report(make_report("stale", freshness={"tickets": tickets, "usage": stale}))
    board.report(make_report("never-looked"))
    client = board.client()

    page = client.get("/accounts/fresh").text

    assert page.index("<dt>Usage</dt>") < page.index("<dt>Tickets</dt>")
    assert '41 days ago <span class="soft">20 Jan 2026</span>' in page
    assert "surveys, touchpoints, outcomes, subscriptions" in page
    assert "of any account" not in page
    assert "No usage of any account for days" in client.get("/accounts/stale").text
    assert "Last heard" not in client.get("/accounts/never-looked").text


def test_an_open_alert_shows_the_score_of_now_and_one_that_is_over_the_score_of_its_end() -> None:
    """Once somebody has it, its steps tell no score for weeks."""
    board = FakeBoard()
    board.report(make_report("acme", 31.0))
    board.step(step(1, "acknowledged", alert(1, last_score=73.0, opening_score=83.0)))
    board.step(step(2, "resolved", alert(2, status="resolved", last_score=80.0, opening_score=40.0)))
    board.step(step(3, "opened", alert(3, "gone", last_score=12.0, opening_score=12.0)))

    client = board.client()
    open_page, resolved_page = client.get("/alerts").text, client.get("/alerts/resolved").text

    assert "health 31 (83 when it opened)" in open_page
    assert "health 12<" in open_page, "a score that has not moved is said once"
    assert "health 80 (40 when it opened)" in resolved_page


@pytest.mark.parametrize("account_id", ["a/b", "a b", "a?b#c", "ü", "a/history/b"])
def test_any_account_id_leads_to_its_page_and_its_report(account_id: str) -> None:
    board = FakeBoard()
    board.report(make_report(account_id, 50.0))
    client = board.client()

    link = client.get("/").text.split('href="/accounts/')[1].split('"')[0]

    assert client.get(f"/accounts/{link}").status_code == 200
    assert client.get(f"/api/v1/accounts/{quote(account_id, safe='')}").json()["account_id"] == account_id


def test_what_came_and_went_unnoticed_is_on_no_page_and_in_the_api() -> None:
    """As while a history is loaded; what somebody was told of, took on, or saw for an hour is."""
    board = FakeBoard()
    board.report(make_report("acme", 91.0))
    minute, day = timedelta(minutes=1), timedelta(days=1)
    cases: list[tuple[int, str, timedelta, dict[str, Any], str, bool]] = [
        (1, "nobody knew", minute, {}, "heartline", False),
        (2, "it was told", minute, {"last_notification": "hl-2:opened"}, "heartline", True),
        (3, "ann closed it", minute, {}, "ann", True),
        (4, "it lasted", day, {}, "heartline", True),
    ]
    for number, headline, lasted, fields, by, _ in cases:
        opened = alert(number, headline=headline, **fields)
        over: dict[str, Any] = {"status": "resolved", "resolved_at": opened.opened_at + lasted}
        board.step(step(2 * number, "opened", opened))
        board.step(step(2 * number + 1, "resolved", alert(number, headline=headline, **fields, **over), by=by))
    client = board.client()
    pages = client.get("/alerts/resolved").text, client.get("/accounts/acme").text.lower()
    for _, headline, _, _, _, is_shown in cases:
        assert [headline in page for page in pages] == [is_shown] * 2, headline
    assert len(client.get("/api/v1/alerts?status=resolved").json()) == len(cases)


def test_a_strange_account_is_not_found() -> None:
    client = FakeBoard().client()

    assert client.get("/accounts/nobody").status_code == 404
    assert client.get("/api/v1/accounts/nobody").json() == {"detail": "there is no account 'nobody'"}


def test_every_answer_carries_the_policy() -> None:
    board = FakeBoard()
    board.report(make_report())
    for path in (
        "/",
        "/accounts/acme",
        "/alerts",
        "/pipeline",
        "/healthz",
        "/static/board.css",
        "/api/v1/accounts",
        "/no",
    ):
        headers = board.client().get(path).headers
        for name, value in HEADERS.items():
            assert headers[name] == value, (path, name)
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/accounts/acme", "/alerts", "/pipeline", "/login", "/no"])
def test_no_page_has_inline_script_or_style(path: str) -> None:
    board = FakeBoard(token=TOKEN)
    board.report(make_report())

    page = board.client().get(path, headers={"Authorization": f"Bearer {TOKEN}"}).text

    assert "style=" not in page
    assert "<style" not in page
    assert " onclick" not in page
    assert page.count("<script ") == page.count('<script src="/static/')


def test_another_name_for_this_machine_is_refused_where_nobody_is_asked() -> None:
    """Else a page elsewhere could reach the board by a name that it lets point here."""
    board = FakeBoard()

    assert board.client(base="http://board.evil.example").get("/").status_code == 421
    assert board.client(base="http://localhost:8050").get("/").status_code == 200
    assert board.client(base="http://[::1]:8050").get("/").status_code == 200


def test_who_has_no_token_is_asked_for_one_and_brought_back() -> None:
    board = FakeBoard(host="0.0.0.0", token=TOKEN)
    client = board.client(peer="10.0.0.1", base="http://board.example")

    redirected = client.get("/alerts?x=1")
    assert (redirected.status_code, redirected.headers["location"]) == (303, "/login?next=%2Falerts%3Fx%3D1")
    assert client.get("/api/v1/accounts").status_code == 401
    assert client.get("/healthz").status_code == 200
    wrong = client.post("/login", data={"token": "wrong" * 5, "next": "/alerts"})
    assert (wrong.status_code, "Wrong token" in wrong.text) == (401, True)
    right = client.post("/login", data={"token": TOKEN, "next": "https://evil.example/"})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    assert client.get("/alerts").status_code == 200
    client.post("/logout")
    assert client.get("/alerts").status_code == 303


def test_a_large_body_is_refused_before_it_is_read() -> None:
    assert FakeBoard().client().post("/login", content=b"x" * 100_000).status_code == 413


def test_revenue_at_risk_stands_on_every_page_and_leads_to_its_accounts() -> None:
    board = FakeBoard()
    board.report(make_report("acme", 80.0))
    assert 'id="revenue-at-risk"' in board.client().get("/pipeline").text
    assert re.search(r'id="revenue-at-risk"[^>]* hidden', board.client().get("/pipeline").text), "nothing is at risk"
    board.report(make_report("birch", 30.0))
    links = [
        re.findall(
            r'id="revenue-at-risk"[^>]* href="([^"]+)"[^>]*><strong>6,000</strong>', board.client().get(path).text
        )
        for path in ("/", "/alerts", "/pipeline", "/reviews", "/accounts/acme")
    ]
    assert {len(found) for found in links} == {1}
    listed = board.client().get(html.unescape(links[0][0])).text
    assert re.findall(r'data-row="(\w+)"', listed) == ["birch"]
    assert 'title="revenue at risk">6,000' in listed


def test_a_band_is_chosen_and_let_go_by_a_click() -> None:
    board = FakeBoard()
    board.report(make_report("acme", 30.0))
    page = board.client().get("/?band=critical&band=at_risk").text
    chips = dict(re.findall(r'class="chip band-(\w+)" href="([^"]*)"', page))
    assert (chips["at_risk"], chips["healthy"]) == (
        "/?band=critical",
        "/?band=healthy&amp;band=at_risk&amp;band=critical",
    )


def test_the_api_lists_filters_and_says_null_for_unknown() -> None:
    board = FakeBoard()
    board.report(make_report("acme", 30.0, past=[60.0] * 8))
    board.report(make_report("birch", None))

    found = board.client().get("/api/v1/accounts", params={"band": ["at_risk", "unknown"], "limit": 1}).json()

    assert found["total"] == 2
    assert found["bands"] == {"healthy": 0, "watch": 0, "at_risk": 1, "critical": 0, "unknown": 1, "inactive": 0}
    assert found["arr"] == {
        "healthy": None,
        "watch": None,
        "at_risk": 6000.0,
        "critical": None,
        "unknown": 6000.0,
        "inactive": None,
    }
    assert found["arr_by_currency"]["at_risk"] == {"": 6000.0}
    (item,) = found["accounts"]
    assert (item["account_id"], item["movement_7d"], item["mrr"]) == ("acme", -30.0, 500.0)
    assert item["arr_at_risk"] == 6000.0
    assert item["history_28d"][-9:] == [60] * 8 + [30]
    assert item["history_28d"][0] is None


def test_the_history_of_an_account_is_its_scores_by_day() -> None:
    board = FakeBoard()
    board.report(make_report("acme", 30.0, past=[60.0]))

    days = board.client().get("/api/v1/accounts/acme/history").json()["days"]

    assert days == [
        {"date": "2026-03-01", "score": 60.0, "active_users": None, "events": None},
        {"date": "2026-03-02", "score": 30.0, "active_users": None, "events": None},
    ]


def test_the_api_describes_itself_with_no_reference_left_open() -> None:
    import json
    import re

    described = FakeBoard().client().get("/api/v1/openapi.json").json()

    names = set(described["components"]["schemas"])
    assert {"HealthReport", "AccountList", "AccountDetails"} <= names
    assert set(re.findall(r"#/components/schemas/(\w+)", json.dumps(described))) <= names


def test_a_page_of_ten_thousand_accounts_takes_less_than_200_ms_of_processor_time() -> None:
    board = FakeBoard()
    for number in range(10_000):
        score = number * 37 % 1000 / 10
        profile = Profile(name=f"Account {number}", segment=f"s{number % 7}", owner=f"o{number % 30}")
        board.report(make_report(f"a{number}", score, past=[score] * 27, profile=profile))
    client = board.client()
    times = []
    for _ in range(4):
        started = time.process_time()
        page = client.get("/")
        times.append(time.process_time() - started)

    assert page.text.count("data-row=") == 100
    assert "1 to 100 of 10,000" in page.text
    assert min(times) < 0.2


@pytest.mark.parametrize("account_id", ["a\nb", "..", ".", "acme/history", "100%", "-1", "?", "\x00", "é" * 256])
def test_the_links_of_the_list_lead_to_the_account_whatever_its_id(account_id: str) -> None:
    """A browser takes a part of dots alone for a folder, and a route's usual pattern ends with the line."""
    board = FakeBoard()
    board.report(make_report(account_id, 12.0, profile=Profile(name="The one")))
    client = board.client()
    href = client.get("/").text.partition('href="/accounts/')[2].partition('"')[0]
    assert href.split("%EE%80%80")[0] == quote(account_id, safe="")
    page = client.get(f"/accounts/{href}")
    assert page.status_code == 200
    assert "The one" in page.text
    found = client.get(f"/api/v1/accounts/{href}")
    assert (found.status_code, found.json()["account_id"]) == (200, account_id)
    assert client.get("/api/v1/accounts", params={"search": account_id}).status_code == 200


def test_the_pipeline_page_shows_the_last_events_of_each_source_and_what_became_of_them() -> None:
    board = FakeBoard()
    recent = board.app.state.board.recent_events
    at = {"account_id": "acme", "user_id": "ann", "feature": EVIL, "timestamp": "2026-03-02T09:30:00Z"}

    def arrived(source: str, value: bytes, topic: str = "product-usage", key: bytes = b"acme") -> None:
        record = SimpleNamespace(
            value=value, timestamp=1_772_443_800_000, headers=[("heartline-source", source.encode())], key=key
        )
        recent.take(topic, [record], 1_772_443_800_000)

    arrived("app", json.dumps(at | {"event_id": "e1"}).encode())
    arrived("app", json.dumps(at | {"event_id": "e1"}).encode())
    arrived("app", json.dumps(at).encode())
    waiting = b'{"alias": "zendesk:7", "events": 3, "since_ms": 0}'
    arrived("", waiting, "heartline-waiting-aliases", b"zendesk:7")

    page = board.client().get("/pipeline").text
    assert "1 accepted, 1 repeated, 1 refused of those looked at" in page
    assert "event_id: Field required" in page
    assert "zendesk:7" in page
    assert EVIL not in page


def test_who_is_not_alive_is_listed_when_asked_for() -> None:
    """Neither counted among the living nor hidden from whoever looks for them."""
    board = FakeBoard()
    board.report(make_report("fine", 91.0))
    board.report(make_report("gone", None, band="inactive", measures={"lifecycle_stage": "churned"}))
    client = board.client()
    page = client.get("/").text
    assert "/accounts/gone" not in page
    assert '<p class="found">1 account ·' in page
    assert "/accounts/gone" in client.get("/?band=inactive").text
    assert "/accounts/gone" in client.get("/?search=gone").text
    assert [each["account_id"] for each in client.get("/api/v1/accounts").json()["accounts"]] == ["fine"]
