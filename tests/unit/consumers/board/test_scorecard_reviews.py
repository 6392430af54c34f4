"""A scorecard is handed in, approved or sent back with a comment; its history stands on the page and in the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from alerts.notification import AlertNotification
from consumers.alerting.receivers.delivery import DeliveryResult, DeliveryStatus
from consumers.board.review_notices import ReviewNotices
from consumers.scorecard_reviews import STEPS_OF_ONE_MAX, ReviewLog, review_log
from stream.contracts.errors import BadEvent, ConfigError
from stream.contracts.scorecard_review import ScorecardReview, decode_review, encode_review, make_review
from tests.reports import make_report
from tests.unit.consumers.board.board_app import HERE, FakeBoard

OWN_PAGE = {"origin": HERE}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Reviewed:
    """A board whose steps come back to it as Kafka would bring them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        self.board = FakeBoard(**options)
        self.sent: list[ScorecardReview] = []
        monkeypatch.setattr(
            "consumers.confirmed_sender.ConfirmedSender.send", lambda _, key, value: self._send(key, value)
        )
        self.client = self.board.client()

    def _send(self, key: str, value: bytes) -> None:
        self.sent.append(decode_review(value))
        assert self.board.read_model.reviews.take(key.encode(), value) == self.sent[-1].account_id

    def step(self, do: str, comment: str = "", account: str = "acme") -> Any:
        return self.client.post(
            f"/accounts/{account}/review", data={"do": do, "comment": comment, "back": "/reviews"}, headers=OWN_PAGE
        )


def test_a_scorecard_goes_from_hand_to_hand_until_it_is_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    reviewed = Reviewed(monkeypatch)
    reviewed.board.report(make_report("acme", 61.0))
    assert "Nobody had it looked at yet" in reviewed.client.get("/accounts/acme").text
    answer = reviewed.step("requested", "goals <agreed>")
    assert (answer.status_code, answer.headers["location"]) == (303, "/reviews")
    page = reviewed.client.get("/accounts/acme").text
    assert "goals &lt;agreed&gt;" in page
    assert ">Approve</button>" in page
    assert '<span class="soft">1 waiting</span>' in reviewed.client.get("/reviews").text
    reviewed.step("sent_back", "the renewal date is last year's")
    reviewed.board.report(make_report("acme", 71.0))
    reviewed.step("requested")
    reviewed.step("approved")
    page = reviewed.client.get("/accounts/acme").text
    assert page[page.index('id="review"') :].count("<li>") == 4
    assert [(step.step, step.score) for step in reviewed.sent] == [
        *(("requested", 61.0), ("sent_back", 61.0)),
        *(("requested", 71.0), ("approved", 71.0)),
    ]
    assert reviewed.board.read_model.reviews.waiting == 0


def test_who_sends_it_back_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    reviewed = Reviewed(monkeypatch)
    reviewed.board.report(make_report("acme"))
    reviewed.step("sent_back", "  ")
    assert reviewed.sent == []
    assert "expected a comment that says what to change" in reviewed.client.get("/").text


def test_who_may_only_look_reviews_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reviewed = Reviewed(monkeypatch, read_only=True)
    reviewed.board.report(make_report("acme"))
    assert reviewed.step("approved").status_code == 403
    assert "review-form" not in reviewed.client.get("/accounts/acme").text


def test_programs_hand_in_and_read_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    reviewed = Reviewed(monkeypatch)
    reviewed.board.report(make_report("acme", 61.0))
    api = "/api/v1/reviews"
    answer = reviewed.client.post(api, json={"account_id": "acme", "step": "requested"}, headers=OWN_PAGE)
    assert (answer.status_code, answer.json()["review_id"]) == (202, reviewed.sent[0].review_id)
    (waiting,) = reviewed.client.get(f"{api}?waiting=true").json()
    assert (waiting["account_id"], waiting["step"], waiting["score"]) == ("acme", "requested", 61.0)
    for wrong, words in (({"account_id": "none"}, "no account"), ({"step": "sent_back"}, "comment")):
        body = {"account_id": "acme", "step": "approved"} | wrong
        answer = reviewed.client.post(api, json=body, headers=OWN_PAGE)
        assert (answer.status_code, words in answer.json()["detail"]) == (422, True)
    assert len(reviewed.client.get(f"{api}?account_id=acme").json()) == 1


class Told:
    """A receiver that answers what it is told to, one answer a try."""

    name = "lead"

    def __init__(self, *answers: DeliveryStatus) -> None:
        self.answers = list(answers)
        self.took: list[str] = []

    def send(self, notification: AlertNotification, _memory: bytes | None) -> DeliveryResult:
        self.took.append(str(notification.message["text"]))
        return DeliveryResult(self.answers.pop(0), "as asked")

    def accepts(self, _kind: str) -> bool:
        return True


@pytest.mark.parametrize(
    ("answers", "tries", "why"),
    [
        (["delivered"], 1, "it was told"),
        (["failed", "rate_limited", "delivered"], 3, "an outage passes"),
        (["failed", "failed", "failed"], 3, "nobody waits for ever: the step is on Kafka"),
        (["refused"], 1, "it would be refused again"),
    ],
)
def test_who_hands_in_on_the_board_has_it_told_at_once(
    monkeypatch: pytest.MonkeyPatch, answers: list[str], tries: int, why: str
) -> None:
    reviewed, told = Reviewed(monkeypatch), Told(*map(DeliveryStatus, answers))
    ended: list[Any] = []
    notices = ReviewNotices(["lead"], [told], lambda _seconds: None)
    board = reviewed.client.app.state.board  # type: ignore[attr-defined]
    tell = lambda made: ended.append(notices.tell(made))  # noqa: E731
    monkeypatch.setattr(board.review_notices, "tell", tell)
    reviewed.board.report(make_report("acme", 61.0))
    assert reviewed.step("requested").status_code == 303
    ended[0].result(30)
    assert told.took == ["The scorecard of acme waits for a review"] * tries, why


def test_a_receiver_that_is_not_there_is_named_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"board\.review_receivers: leda: no such receiver; there are lead"):
        ReviewNotices(["leda"], [Told()], lambda _seconds: None)
    assert ReviewNotices([], [], lambda _seconds: None).tell(step(0)) is None


def step(number: int, account: str = "acme", kind: str = "requested") -> ScorecardReview:
    comment = "because" if kind == "sent_back" else ""
    return make_review(make_report(account, 50.0), kind, "dana", comment, NOON + timedelta(minutes=number))


def taken(*steps: ScorecardReview) -> ReviewLog:
    return review_log((each.key.encode(), encode_review(each)) for each in steps)


def test_what_waits_longest_comes_first_and_what_was_decided_last_after_it() -> None:
    log = taken(
        *(step(1, "old"), step(0, "older"), step(5, "sent", "sent_back"), step(3, "good"), step(4, "good", "approved"))
    )
    assert [each.account_id for each in log.newest()] == ["older", "old", "sent", "good"]
    assert log.waiting == 2


def test_a_repeat_changes_nothing_and_any_order_ends_in_the_same() -> None:
    steps = [step(0), step(2, kind="approved"), step(1)]
    assert taken(*steps, *steps).of_account("acme") == taken(*steps[::-1]).of_account("acme")


def test_a_record_without_a_value_erases_its_step() -> None:
    log, first, other = ReviewLog(), step(0), step(1, "acme/eu")
    for each in (first, other):
        log.take(each.key.encode(), encode_review(each))
    assert log.take(first.key.encode(), None) == "acme"
    assert log.of_account("acme") == []
    assert log.of_account("acme/eu") == [other]


def test_of_very_many_steps_the_oldest_are_dropped() -> None:
    steps = [step(number) for number in range(STEPS_OF_ONE_MAX + 3)]
    assert taken(*steps).of_account("acme") == steps[:2:-1]


def test_a_record_that_is_no_step_is_refused_with_its_reason() -> None:
    with pytest.raises(BadEvent, match=r"expected a step of a scorecard's review.*by"):
        decode_review(msgspec.json.encode({"review_id": "r", "account_id": "a", "step": "requested"}))
    assert review_log([(b"a/1/r", b"{}")]).newest() == []


@pytest.mark.parametrize(
    ("kind", "by", "comment", "words"),
    [
        ("praised", "dana", "", "expected one of requested, approved, sent_back"),
        ("approved", " ", "", "expected a name"),
        ("approved", "d" * 129, "", "at most 128"),
        ("sent_back", "dana", " ", "expected a comment"),
        ("approved", "dana", "x" * 1001, "1,001 characters: expected at most 1,000"),
    ],
)
def test_a_step_that_is_not_whole_is_refused_in_words(kind: str, by: str, comment: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_review(make_report("acme"), kind, by, comment, NOON)
