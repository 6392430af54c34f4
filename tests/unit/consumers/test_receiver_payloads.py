"""What each receiver is sent, field by field, and what must not be in it. No server: payloads are pure."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import msgspec
import pytest

from alerts.commands import StartPlay
from alerts.messages.blocks import account_name, payload, sections
from alerts.messages.plain_text import as_html, as_text, headline
from alerts.notification import AlertNotification
from consumers.alerting.receivers import alertmanager, email, pagerduty, slack_bot, webhook
from consumers.alerting.receivers.slack_actions import command_of
from consumers.alerting.receivers.slack_buttons import CHOICES, UnreadableClick, buttons, read_click
from tests.notifications import OPENED, make_notification

LINK = "https://board.example/accounts/{account_id}"
MESSAGE = {
    "text": "🚩 Acme &amp; Sons is at risk: health 45. Why: fewer users",
    "blocks": [
        {"type": "header", "text": {"type": "plain_text", "text": "🚩 Acme & Sons <b> is at risk: health 45"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Why:* &lt;!channel&gt; fell\n•  Users: *42 → 11*"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Health 45 of 100*   `▇▇▅`  3 days _(a_b)_"}},
        {"type": "divider"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "Owner *Dana Fields*  ·  hl-1"}]},
    ],
}
NOTICE = make_notification(message=MESSAGE, account_id="acme/eu", mrr=1200.0)
OVER = make_notification("hl-1:resolved", message=MESSAGE)
NO_ACCOUNT = make_notification(
    "hl-2:pipeline_incident", message=MESSAGE, account_id=None, account_name=None, segment=None, owner=None, score=None
)


def as_json(value: Any) -> Any:
    """As it goes over the wire."""
    return msgspec.json.decode(msgspec.json.encode(value))


def test_a_message_as_text_and_as_html() -> None:
    """Slack's marks are gone or turned into tags; what a customer wrote is never a tag."""
    assert headline(MESSAGE) == "🚩 Acme & Sons <b> is at risk: health 45"
    assert as_text(MESSAGE) == (
        "🚩 Acme & Sons <b> is at risk: health 45\n\nWhy: <!channel> fell\n•  Users: 42 → 11\n\n"
        "Health 45 of 100   ▇▇▅  3 days (a_b)\n\nOwner Dana Fields  ·  hl-1"
    )
    shown = as_html(MESSAGE)
    assert "<h2>🚩 Acme &amp; Sons &lt;b&gt; is at risk: health 45</h2>" in shown
    assert "<p><strong>Why:</strong> &lt;!channel&gt; fell<br>\n•  Users: <strong>42 → 11</strong></p>" in shown
    assert "<code>▇▇▅</code>  3 days <em>(a_b)</em>" in shown
    assert as_text({"text": "only *this*"}) == "only this"


def test_the_webhooks_body() -> None:
    assert as_json(webhook.payload(NOTICE, LINK)) == {
        "type": "alert.opened",
        "timestamp": "2026-03-02T09:00:00Z",
        "data": {
            "id": "hl-1:opened",
            "alert": {
                "alert_id": "hl-1",
                "fingerprint": "0123456789",
                "rule": "breadth_collapsed",
                "severity": "warning",
                "episode": 1,
                "opened_at": "2026-03-02T09:00:00Z",
                "resolved_at": None,
                "recovered": False,
                "reason": "at risk at 45",
                "by": None,
                "evidence": {"score": 45.0},
                "signals": [],
            },
            "account": {
                "account_id": "acme/eu",
                "name": "Acme Corp",
                "score": 45.0,
                "band": "at_risk",
                "segment": "mid-market",
                "owner": "Dana Fields",
                "lifecycle_stage": None,
                "mrr": 1200.0,
                "currency": None,
                "renewal_at": None,
                "page": "https://board.example/accounts/acme%2Feu",
            },
            "title": headline(MESSAGE),
            "text": as_text(MESSAGE),
        },
    }
    assert webhook.payload(NO_ACCOUNT, LINK)["data"]["account"] is None


def test_the_webhooks_signature_is_that_of_standard_webhooks() -> None:
    """The example of its specification, and the same computed by hand."""
    key = webhook.signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    headers = webhook.signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    by_hand = hmac.new(key, b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(by_hand).decode()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "not base64 at all!", "whsec_" + "ä" * 40])
def test_a_signing_secret_that_is_none_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(ValueError, match="random bytes in base64") as caught:
        webhook.signing_key(secret)
    assert not secret.removeprefix("whsec_") or secret.removeprefix("whsec_") not in str(caught.value)


def test_alertmanagers_alert() -> None:
    """Labels make the identity; whatever changes from message to message is in the annotations."""
    ends_at = OPENED + timedelta(minutes=4)
    assert as_json(alertmanager.alert(NOTICE, ends_at, {"team": "cs"}, LINK)) == {
        "labels": {
            "team": "cs",
            "alertname": "account_red_flag",
            "severity": "warning",
            "account": "acme/eu",
            "segment": "mid-market",
            "owner": "Dana Fields",
            "source": "heartline",
        },
        "annotations": {
            "summary": headline(MESSAGE),
            "description": as_text(MESSAGE),
            "alert_id": "hl-1",
            "account_name": "Acme Corp",
            "rule": "breadth_collapsed",
            "signals": "",
        },
        "startsAt": "2026-03-02T09:00:00Z",
        "endsAt": "2026-03-02T09:04:00Z",
        "generatorURL": "https://board.example/accounts/acme%2Feu",
    }
    over = alertmanager.alert(OVER, ends_at, {}, None)
    assert over["endsAt"] == OVER.resolved_at
    assert "generatorURL" not in over
    assert alertmanager.alert(NO_ACCOUNT, ends_at, {}, LINK)["labels"].keys() == {"alertname", "severity", "source"}


def test_pagerdutys_event() -> None:
    assert as_json(pagerduty.event(NOTICE, LINK)) == {
        "event_action": "trigger",
        "dedup_key": "hl-1",
        "payload": {
            "summary": headline(MESSAGE),
            "source": "heartline",
            "severity": "warning",
            "timestamp": "2026-03-02T09:00:00Z",
            "component": "acme/eu",
            "group": "mid-market",
            "class": "breadth_collapsed",
            "custom_details": {
                "id": "hl-1:opened",
                "account": "Acme Corp",
                "owner": "Dana Fields",
                "health": 45.0,
                "band": "at_risk",
                "reason": "at risk at 45",
                "evidence": {"score": 45.0},
                "signals": [],
                "text": as_text(MESSAGE),
            },
        },
        "client": "Heartline",
        "client_url": "https://board.example/accounts/acme%2Feu",
        "links": [{"href": "https://board.example/accounts/acme%2Feu", "text": "The account in Heartline"}],
    }


@pytest.mark.parametrize(
    ("notification", "action"),
    [
        (make_notification("hl-1:opened"), "trigger"),
        (make_notification("hl-1:reopened"), "trigger"),
        (make_notification("hl-1:updated"), "trigger"),  # the same incident, told anew
        (make_notification("hl-1:acknowledged"), "acknowledge"),
        (make_notification("hl-1:snoozed"), "acknowledge"),
        (make_notification("hl-1:resolved"), "resolve"),
    ],
)
def test_what_a_step_does_to_the_incident(notification: AlertNotification, action: str) -> None:
    """By the episode's id, whatever the step is called; only a trigger says more."""
    event = pagerduty.event(notification, None)
    assert (event["event_action"], event["dedup_key"]) == (action, "hl-1")
    assert ("payload" in event) is (action == "trigger")


def parsed(notification: AlertNotification, page: str | None = None) -> EmailMessage:
    """The mail as it arrives."""
    sent = email.message(notification, "alerts@heartline.example", ("dana@example.com", "ada@example.com"), page)
    return message_from_bytes(sent.as_bytes(), policy=default)


def test_the_mails_of_an_episode_are_one_thread() -> None:
    """Each with an id of its own, the same whenever it is sent again."""
    first, again, over = parsed(NOTICE), parsed(NOTICE), parsed(OVER)
    assert first["Message-ID"] == again["Message-ID"] == "<hl-1.opened@heartline.example>"
    assert over["Message-ID"] == "<hl-1.resolved@heartline.example>"
    assert first["References"] == over["References"] == over["In-Reply-To"] == "<hl-1@heartline.example>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["To"] == "dana@example.com, ada@example.com"
    assert first["From"] == "Heartline <alerts@heartline.example>"
    assert first["Date"].datetime == OPENED


def test_a_mail_says_the_same_as_text_and_as_html() -> None:
    mail = parsed(NOTICE, "https://board.example/?a=1&b=2")
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert text.get_content().startswith(as_text(MESSAGE))
    assert text.get_content().rstrip().endswith("https://board.example/?a=1&b=2")
    assert as_html(MESSAGE) in page.get_content()
    assert '<a href="https://board.example/?a=1&amp;b=2">' in page.get_content()


def test_each_account_of_a_digest_leads_to_its_page() -> None:
    """Where somebody says where that is; else its name stands alone. What a customer's name holds makes no link."""
    names = account_name("Acme & <https://evil.example|Co>", "acme/eu", 80), account_name("Birch", "birch", 80)
    message = payload("🗞 Dana: 2 got worse", "", sections([f"🚩  {name}: why" for name in names]))
    notification = make_notification("hl-daily:daily_digest", message=message, account_id=None)
    link = "https://board.example/accounts/{account_id}"
    acme = "Acme &amp; &lt;https://evil.example|Co&gt;"
    shaped = slack_bot.payload(notification, {}, with_buttons=False, link=link)
    assert shaped["blocks"][1]["text"]["text"] == (
        f"🚩  *<https://board.example/accounts/acme%2Feu|{acme}>*: why\n"
        "🚩  *<https://board.example/accounts/birch|Birch>*: why"
    )
    plain = slack_bot.payload(notification, {}, with_buttons=False)
    assert plain["blocks"][1]["text"]["text"] == f"🚩  *{acme}*: why\n🚩  *Birch*: why"
    assert as_text(message).endswith("🚩  Acme & <https://evil.example|Co>: why\n🚩  Birch: why")
    mail = email.message(notification, "alerts@heartline.example", ("dana@example.com",), link)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert "🚩  Birch (https://board.example/accounts/birch): why" in text.get_content()
    assert html is not None
    assert '<strong><a href="https://board.example/accounts/birch">Birch</a></strong>: why' in html.get_content()
    assert 'href="https://evil' not in html.get_content()


@pytest.mark.parametrize("name", ["Acme\r\nBcc: all@example.com", "Acme\nX: y", "A" * 500])
def test_a_customers_name_makes_no_header(name: str) -> None:
    """A headline is one line already; were it not, the mail would be refused rather than forged."""
    notification = make_notification(message={"text": name, "blocks": []})
    try:
        mail = parsed(notification)
    except ValueError:
        return
    assert mail.keys().count("Subject") == 1
    assert "Bcc" not in mail
    assert len(mail["Subject"]) <= email.SUBJECT_CHARS_MAX


def test_a_slack_apps_message_has_buttons_while_the_alert_is_open() -> None:
    """And mentions its owner, who is named in the settings; never anybody that a customer's text names."""
    shaped = slack_bot.payload(NOTICE, {"Dana Fields": "U42"}, with_buttons=True)
    assert shaped["text"] == MESSAGE["text"]
    assert shaped["blocks"][:5] == MESSAGE["blocks"]
    assert shaped["blocks"][5]["elements"][0]["text"] == "For <@U42>"
    assert [element["action_id"] for element in shaped["blocks"][6]["elements"]] == [
        f"heartline:{choice}" for choice in CHOICES if choice != "start_play"
    ]
    assert shaped["metadata"]["event_payload"] == {"id": "hl-1:opened", "alert_id": "hl-1", "kind": "opened"}
    assert (shaped["unfurl_links"], shaped["unfurl_media"]) == (False, False)
    assert len(MESSAGE["blocks"]) == 5, "the notice itself stays as it is"


@pytest.mark.parametrize(
    ("notification", "with_buttons", "blocks"),
    [
        (OVER, True, 5),  # over: nothing to answer, nobody to call
        (NOTICE, False, 6),  # no way back: buttons would only fail
        (NO_ACCOUNT, True, 5),  # commands are about an account's alert
    ],
)
def test_no_buttons_where_they_would_do_nothing(
    notification: AlertNotification, with_buttons: bool, blocks: int
) -> None:
    assert len(slack_bot.payload(notification, {"Dana Fields": "U42"}, with_buttons)["blocks"]) == blocks


def test_who_has_taken_it_on_need_not_say_so_again() -> None:
    taken = buttons("acme", "hl-1", acknowledged=True, play="call")
    assert [element["action_id"] for element in taken["elements"]] == [
        "heartline:start_play",
        "heartline:snooze",
        "heartline:not_valid",
    ]


def test_the_first_button_opens_the_account_and_a_message_without_a_play_starts_none() -> None:
    shown = buttons("acme", "hl-1", page="https://board.example/accounts/acme")
    assert [element["text"]["text"] for element in shown["elements"]] == [
        *("Open account", "I'm on it", "Snooze 7 days", "Not useful"),
    ]
    assert shown["elements"][0]["url"] == "https://board.example/accounts/acme"
    assert read_click(click(action_id=shown["elements"][0]["action_id"]), NOW) is None, "Slack opens it by itself"


def test_a_click_on_start_play_says_which() -> None:
    element = buttons("acme", "hl-1", play="call_now")["elements"][1]
    found = read_click(click(action_id=element["action_id"], value=element["value"]), NOW)
    assert found is not None
    assert (found.choice, found.play) == ("start_play", "call_now")
    assert command_of(found) == StartPlay(
        command_id=command_of(found).command_id, by="ann", at=NOW, account_id="acme", alert_id="hl-1", play="call_now"
    )
    with pytest.raises(UnreadableClick, match="does not name a play"):
        read_click(click(action_id="heartline:start_play"), NOW)


NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def click(**action: Any) -> dict[str, Any]:
    """An interaction as Slack sends it."""
    plain = {"action_id": "heartline:snooze", "value": '{"account_id":"acme","alert_id":"hl-1"}', "action_ts": "1.5"}
    return {"type": "block_actions", "user": {"id": "U7", "name": "ann"}, "actions": [plain | action]}


@pytest.mark.parametrize("choice", [choice for choice in CHOICES if choice != "start_play"])
def test_a_click_says_what_on_which_alert_and_who(choice: str) -> None:
    read = read_click(click(action_id=f"heartline:{choice}"), NOW)
    assert read is not None
    assert (read.choice, read.account_id, read.alert_id, read.by, read.at) == (choice, "acme", "hl-1", "ann", NOW)
    assert read.snooze_until == NOW + timedelta(days=7)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ([], "an object"),
        (click(action_id="heartline:explode"), "unknown action"),
        (click(value="hl-1"), "name an alert"),
        (click(value='{"account_id": 5, "alert_id": "hl-1"}'), "name an alert"),
        (click(value=None), "name an alert"),
    ],
)
def test_an_unreadable_click_is_refused(payload: object, why: str) -> None:
    with pytest.raises(UnreadableClick, match=why):
        read_click(payload, NOW)


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "view_submission"},
        {"type": "block_actions", "actions": []},
        click(action_id="open_page"),
        {"type": "block_actions", "actions": ["x"]},
    ],
)
def test_other_interactions_are_none_of_ours(payload: object) -> None:
    assert read_click(payload, NOW) is None


@pytest.mark.parametrize(
    ("user", "by"),
    [({"id": "U7"}, "U7"), ({}, "somebody in Slack"), (None, "somebody in Slack"), ({"name": "a\nb"}, "a b")],
)
def test_who_clicked_is_always_somebody(user: object, by: str) -> None:
    read = read_click(click() | {"user": user}, NOW)
    assert read is not None
    assert read.by == by
