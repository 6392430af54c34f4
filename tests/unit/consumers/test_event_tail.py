"""What `heartline tail` says of each record: accepted, repeated, refused and why."""

import json
from typing import Any

import pytest

from consumers.event_tail import Tail, TailedEvent
from stream.config.settings import Settings
from stream.contracts.dead_letters import dead_letter
from stream.contracts.errors import BadEvent
from stream.kinds.feeds import FeedSettings

NOW_MS = 1_772_443_800_000
USAGE = {"event_id": "e1", "account_id": "acme", "user_id": "u7", "feature": "reports", "timestamp": NOW_MS}


def shown(tail: Tail, topic: str, data: Any, source: str | None = None) -> TailedEvent | None:
    value = data if isinstance(data, bytes) else json.dumps(data).encode()
    return tail.event_of(topic, value, NOW_MS, source, NOW_MS)


def test_an_event_is_accepted_once_and_repeated_after_that() -> None:
    tail = Tail(Settings())
    first = shown(tail, "product-usage", USAGE, "app")
    assert first == TailedEvent(NOW_MS, "app", "usage", "acme", "e1", "accepted", "feature=reports user_id=u7")
    second = shown(tail, "product-usage", USAGE)
    assert second is not None
    assert (second.result, second.source) == ("repeated", "product-usage")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{", "EOF while parsing"),
        ({k: v for k, v in USAGE.items() if k != "user_id"}, "user_id"),
        (USAGE | {"timestamp": "yesterday"}, "timestamp"),
        (b"", "no value"),
    ],
)
def test_a_refused_one_says_why_in_full(data: Any, told: str) -> None:
    found = shown(Tail(Settings()), "product-usage", data)
    assert found is not None
    assert found.result == "refused"
    assert told in found.detail


def test_a_feeds_own_names_are_read_as_the_worker_reads_them() -> None:
    settings = Settings(feeds={"usage": FeedSettings(fields={"account_id": "org"})})
    found = shown(Tail(settings), "product-usage", USAGE | {"org": "globex"})
    assert found is not None
    assert found.account_id == "globex"


def test_what_a_feed_passes_over_and_what_erases_an_account_are_no_refusals() -> None:
    tail = Tail(Settings(feeds={"usage": FeedSettings(where={"form": ["a"]})}))
    assert shown(tail, "product-usage", USAGE | {"form": "b"})[5:] == (  # type: ignore[index]
        "passed over",
        "usage event: the feed's `where` does not take it",
    )
    erased = tail.event_of("account-updates", None, NOW_MS, None, NOW_MS, (), b"acme")
    assert erased is not None
    assert (erased.account_id, erased.result, erased.detail) == ("acme", "accepted", "no value: it is erased")


def test_of_dead_letters_only_those_of_the_intake_are_new() -> None:
    tail = Tail(Settings())
    error = BadEvent("missing_field", "usage event: user_id: Field required")
    intake = dead_letter("intake:segment", -1, -1, NOW_MS, None, b"{}", error)
    found = shown(tail, "dead-letters", intake)
    assert found is not None
    assert (found.source, found.result, found.detail) == ("segment", "refused", "usage event: user_id: Field required")
    assert shown(tail, "dead-letters", dead_letter("product-usage", 0, 7, NOW_MS, None, b"{}", error)) is None
    assert shown(tail, "dead-letters", b"{") is None
