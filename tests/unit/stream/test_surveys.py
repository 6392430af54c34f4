"""Survey answers: each counts once, in its newest version, and in NPS each user once."""

import pytest

from stream.kinds.survey import KEPT_DAYS
from stream.measures import measure, nps
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
