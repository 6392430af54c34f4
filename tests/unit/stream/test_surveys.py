"""Survey answers: each counts once, in its newest version, and in NPS each user once."""

import random
from typing import cast
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.kinds import survey as survey_kind
from stream.kinds.erasure import erase_users, user_digest
from stream.kinds.state import AccountState, decode_state, encode_state
from stream.kinds.survey import KEPT_DAYS, DatedAnswers, SurveyEvent, SurveyState, merge
from stream.kinds.survey import fold as survey_fold
from stream.measures import measure, nps
from stream.measures.account_view import AccountView
from stream.measures.context import MeasureContext
from stream.measures.product_config import NO_PRODUCT_CONFIG
from stream.measures.sentiment import sentiment_of
from tests.events import event_of
from tests.examples import examples
from tests.streams import DAY_MS, Raw, fold

TODAY = 20_000


def answer(user: str | None, back: float, score: int, survey: str = "nps", response: str | None = None) -> Raw:
    event: Raw = {"type": "survey", "account_id": "acme", "event_id": f"{user}{back}{score}{survey}", "user_id": user}
    event |= {"survey": survey, "score": score, "timestamp": round((TODAY - back) * DAY_MS)}
    return event | ({"response_id": response} if response is not None else {})


def measured(*events: Raw) -> dict[str, object]:
    _, partition = fold(events)
    return measure(partition.states["acme"], TODAY * DAY_MS + 5)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([10], 100),
        ([9], 100),  # a promoter
        ([8], 0),  # a passive
        ([7], 0),
        ([6], -100),  # a detractor
        ([0], -100),
        ([10, 0], 0),
        ([9, 9, 8, 6], 25),
        ([], None),
    ],
)
def test_nps_is_promoters_less_detractors(scores: list[int], expected: float | None) -> None:
    assert nps(scores) == expected
    if scores:
        assert measured(*[answer(f"u{n}", 1, score) for n, score in enumerate(scores)])["nps"] == expected


@pytest.mark.parametrize(
    ("events", "expected", "responses"),
    [
        ([answer("u", 5, 2), answer("u", 1, 10)], 100, 1),  # nobody votes twice: the latest counts
        ([answer("u", 1, 10), answer("u", 5, 2)], 100, 1),  # in whatever order they came
        ([answer("u", 5, 2, response="r"), answer("u", 1, 10, response="r")], 100, 1),  # a newer version replaces
        ([answer("u", 1, 10, response="r"), answer("u", 5, 2, response="r")], 100, 1),
        ([answer("u", 5, 2), answer("u", 5, 2)], -100, 1),  # a repeat
        ([answer("u", 5, 2), answer("v", 5, 9)], 0, 2),
        (
            [answer("", 5, 2, response="r"), answer(None, 5, 3, response="s"), answer("u", 5, 9)],
            -100 / 3,
            3,
        ),  # anonymous
        ([answer(None, 5, 2, response="r"), answer("", 1, 10, response="r")], 100, 1),  # and its newer version
        ([answer("r", 5, 2), answer(None, 1, 10, response="r")], 0, 2),  # a user that is called as an answer is
        ([answer("u", 89, 9)], 100, 1),  # the first of ninety days
        ([answer("u", 90, 9)], None, 0),
        ([answer("u", 5, 1, "ces")], None, 0),  # another survey
    ],
)
def test_nps_counts_each_users_latest_answer_in_ninety_days(
    events: list[Raw], expected: float | None, responses: int
) -> None:
    found = measured(*events)
    assert (found["nps"], found["nps_responses"]) == (expected, responses)


@pytest.mark.parametrize(
    ("back", "expected"),
    [(89, None), (90, 100), (179, 100), (180, None)],
)
def test_the_direction_is_against_the_ninety_days_before(back: int, expected: float | None) -> None:
    assert measured(answer("u", back, 10), answer("v", 1, 0))["nps_previous"] == expected


@pytest.mark.parametrize(
    ("events", "users"),
    [
        ([answer("a", 3, 2), answer("b", 2, 6), answer("c", 1, 0)], ["c", "b", "a"]),
        ([answer("a", 3, 2), answer("b", 2, 7), answer("c", 1, 0)], ["c"]),  # a passive answer ends the run before it
        ([answer("a", 3, 2), answer("b", 2, 2), answer("c", 1, 9)], []),
        ([answer("a", 3, 2), answer("b", 2, 9), answer("c", 1, 3), answer("b", 0, 1)], ["b", "c", "a"]),  # b turned
        ([answer("a", 3, 2), answer("a", 2, 3), answer("a", 1, 1)], ["a"]),  # one person is no row of people
        ([answer("a", 90, 9), answer("b", 89, 2)], ["b"]),  # the other answer is out of the window
        ([answer("a", 3, 2), answer("", 2, 6), answer(None, 1, 0)], ["", "", "a"]),  # the anonymous are not named
    ],
)
def test_detractors_in_a_row_are_people_after_everybody_else(events: list[Raw], users: list[str]) -> None:
    found = measured(*events)
    assert (found["detractor_run"], found["detractor_run_users"]) == (len(users), [user for user in users if user])


def fold_some(sentiment: SurveyState, rng: random.Random, now_ms: int) -> None:
    """One answer of one of twelve people or of nobody: some late, some of the future, a fourth newer versions."""
    ms = now_ms - round(rng.choice([0, 0, 0, 1, 1, 30, 30, 200, -130]) * rng.random() * DAY_MS)
    user, response = rng.choice(["", *"abcdefghijkl"]), f"r{rng.randrange(400)}"
    if sentiment.answers and rng.random() < 0.25:
        response = rng.choice(sorted(sentiment.answers))
    survey, score = rng.choice(["nps", "nps", "csat", "ces"]), rng.randrange(1, 6)
    survey_fold(sentiment, event_of(SurveyEvent, ms, response_id=response, user_id=user, survey=survey, score=score))


@examples(60)
@given(st.integers(0, 1 << 32))
def test_whatever_comes_to_answers_that_were_put_in_order_they_are_told_as_put_in_order_anew(seed: int) -> None:
    rng, state, now_ms = random.Random(seed), AccountState(), TODAY * DAY_MS
    for _ in range(40):
        fold_some(state.survey, rng, now_ms)
    for _ in range(30):
        now_ms += rng.choice([0, 1, 9_000_000, 30 * DAY_MS])
        for _ in range(rng.choice([0, 0, 1, 2])):
            fold_some(state.survey, rng, now_ms)
        if rng.random() < 0.1:
            fold_some(other := SurveyState(), rng, now_ms)
            merge(state.survey, other)
        if rng.random() < 0.1:
            erase_users(state, [user_digest(rng.choice("abcdef"))], now_ms)
        if rng.random() < 0.2:
            state.profile["timezone"] = (rng.choice(["UTC", "Asia/Tokyo"]), now_ms)
        anew = decode_state(encode_state(state))
        with patch.object(survey_kind, "DATED_FROM", 1_000):
            expected = [sentiment_at(anew, now_ms - days * DAY_MS) for days in (0, 1, 28)]
        assert [sentiment_at(state, now_ms - days * DAY_MS) for days in (0, 1, 28)] == expected
    assert type(anew.survey.answers) is dict
    for days in range(20):
        sentiment_at(state, now_ms + days * DAY_MS)
    assert len(cast(DatedAnswers, state.survey.answers).measures) <= 5  # of the last days alone


def sentiment_at(state: AccountState, as_of_ms: int) -> list[object]:
    """What the answers come to, and each user's latest one, in their order."""
    context = MeasureContext(AccountView(state, as_of_ms, frozenset(), NO_PRODUCT_CONFIG), as_of_ms)
    return [sentiment_of(context), [*context.nps_answers.items()]]


def test_csat_is_the_share_of_fours_and_fives_over_all_answers() -> None:
    found = measured(*[answer("u", day, score, "csat") for day, score in enumerate([5, 4, 3, 1])])
    assert (found["csat"], found["csat_mean"], found["csat_responses"]) == (0.5, 3.25, 4)


def test_without_answers_sentiment_is_unknown() -> None:
    found = measured(answer("u", 1, 4, "ces"))
    assert (found["csat"], found["csat_mean"], found["csat_responses"], found["ces_mean"]) == (None, None, 0, 4)


def test_answers_older_than_every_window_are_late_or_forgotten() -> None:
    _, partition = fold([answer("old", KEPT_DAYS + 1, 9), answer("new", 0, 9), answer("late", KEPT_DAYS + 1, 9)])
    sentiment = partition.states["acme"].survey
    assert [item.user_id for item in sentiment.answers.values()] == ["new"]
    assert sentiment.late == 1
