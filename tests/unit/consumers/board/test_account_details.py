"""What an account page shows of a state: recomputed from the events that made it."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from consumers.board.account_details import PastScores, account_details
from stream.calendar.zones import zone
from stream.history.daily import close_score
from stream.kinds.decode import Decoder
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState, decode_state, encode_state
from stream.kinds.survey import SurveyEvent
from stream.kinds.ticket import TicketEvent
from stream.kinds.usage import UsageEvent
from stream.scoring.account_day import close_day
from stream.scoring.shipped import SHIPPED
from tests.reports import make_report
from tests.unit.consumers.board.board_app import FakeBoard

UTC_ZONE = zone(None)
AS_OF = datetime(2026, 3, 2, 12, tzinfo=UTC)


def usage(user: str, feature: str, days_ago: int, count: int = 1) -> list[UsageEvent]:
    at = AS_OF - timedelta(days=days_ago)
    return [
        _decoded(
            "usage",
            event_id=f"{user}-{feature}-{days_ago}-{number}",
            user_id=user,
            feature=feature,
            timestamp=at.isoformat(),
        )
        for number in range(count)
    ]


def _decoded(kind: Any, /, **fields: Any) -> Any:
    return Decoder(kind, None).decode(json.dumps({"account_id": "acme", "type": kind} | fields).encode())


def ticket(ticket_id: str, status: str, hours_ago: float, priority: str = "normal") -> TicketEvent:
    at = (AS_OF - timedelta(hours=hours_ago)).isoformat()
    found: TicketEvent = _decoded(
        "ticket", event_id=f"{ticket_id}-{status}", ticket_id=ticket_id, status=status, priority=priority, timestamp=at
    )
    return found


def answer(survey: str, score: int, days_ago: int, user: str = "u1") -> SurveyEvent:
    at = (AS_OF - timedelta(days=days_ago)).isoformat()
    found: SurveyEvent = _decoded(
        "survey", event_id=f"{survey}-{days_ago}-{user}", survey=survey, score=score, user_id=user, timestamp=at
    )
    return found


def folded(events: list[UsageEvent]) -> AccountState:
    state = AccountState()
    for event in events:
        fold_event(state, event)
    return state


def test_people_come_by_what_they_do_with_their_cadence() -> None:
    state = folded(
        [
            *(event for day in range(20) for event in usage("daily", "reports", day, 3)),
            *(event for day in (1, 8, 15, 22) for event in usage("weekly", "reports", day)),
            *usage("once", "reports", 3),
            *usage("gone", "reports", 50),
        ]
    )

    found = account_details(decode_state(encode_state(state)), AS_OF)

    assert [(person.user_id, person.cadence) for person in found.people] == [
        ("daily", "daily"),
        ("weekly", "weekly"),
        ("once", "occasional"),
        ("gone", "gone quiet"),
    ]
    assert found.people[0].events_30d == 60
    assert found.people[1].strip == tuple(day in (1, 8, 15, 22) for day in range(27, -1, -1))
    assert found.people[3].last_active == date(2026, 1, 11)


def test_key_people_are_those_with_a_role_whether_they_come_or_not() -> None:
    """Who decides may never log in; who left the company decides no more."""
    state = folded([*usage("admin", "reports", 1), *usage("champ", "reports", 20), *usage("other", "reports", 0)])
    people: list[tuple[str, dict[str, Any]]] = [
        ("admin", {"role": "admin"}),
        ("champ", {"role": "champion", "name": "Ann Lee"}),
        ("boss", {"role": "sponsor", "name": "Bo Roe"}),
        ("old", {"role": "sponsor", "deactivated": True}),
        ("other", {"name": "Cy Fox"}),
    ]
    for user_id, told in people:
        fold_event(state, _decoded("user", user_id=user_id, **told))

    found = account_details(state, AS_OF).key_people

    assert [(each.name, each.role, each.last_active) for each in found] == [
        ("Bo Roe", "sponsor", None),
        ("Ann Lee", "champion", date(2026, 2, 10)),
        ("admin", "admin", date(2026, 3, 1)),
    ]
    board = FakeBoard()
    board.report(make_report("acme", as_of=AS_OF))
    board.state("acme", state)
    page = " ".join(board.client().get("/accounts/acme").text.split())
    assert 'Bo Roe <span class="soft">sponsor, never active</span>' in page
    assert 'Ann Lee <span class="soft">champion, last active 10 Feb 2026</span>' in page


def test_features_are_counted_by_week_and_an_unused_core_feature_is_named() -> None:
    state = folded(
        [*usage("u", "reports", 0), *usage("u", "reports", 6), *usage("u", "reports", 7), *usage("v", "api", 2)]
    )

    found = account_details(state, AS_OF, ["exports", "reports"]).features

    assert [(feature.name, feature.is_core) for feature in found] == [
        ("exports", True),
        ("reports", True),
        ("api", False),
    ]
    assert found[0].last_used is None
    assert found[1].weeks == (0, 0, 0, 0, 0, 0, 0, 1, 2)
    assert found[1].users_30d == 1


def test_tickets_come_by_what_needs_somebody_first() -> None:
    state = AccountState()
    for event in (
        ticket("old", "opened", 300),
        ticket("old", "solved", 250),
        ticket("plain", "opened", 40),
        ticket("urgent", "opened", 10, "urgent"),
        ticket("hot", "opened", 30),
        ticket("hot", "escalated", 20),
    ):
        fold_event(state, event)

    found = account_details(state, AS_OF).tickets

    assert [(case.ticket_id, case.state, case.hours) for case in found] == [
        ("hot", "escalated", 30.0),
        ("urgent", "open", 10.0),
        ("plain", "open", 40.0),
        ("old", "solved", 50.0),
    ]


def test_answers_come_newest_first_with_their_mood() -> None:
    state = AccountState()
    for event in (answer("nps", 6, 3), answer("nps", 9, 2), answer("csat", 3, 1), answer("nps", 8, 0)):
        fold_event(state, event)

    found = account_details(state, AS_OF).answers

    assert [(voice.survey, voice.score, voice.mood) for voice in found] == [
        ("nps", 8, "neutral"),
        ("csat", 3, "neutral"),
        ("nps", 9, "good"),
        ("nps", 6, "bad"),
    ]


def test_days_go_on_without_a_gap_to_the_reports_day() -> None:
    state = folded([*usage("a", "x", 3), *usage("b", "x", 3), *usage("a", "x", 1, 4)])

    days = account_details(state, AS_OF).days

    assert [(day.date, day.users, day.events) for day in days] == [
        (date(2026, 2, 27), 2, 2),
        (date(2026, 2, 28), 0, 0),
        (date(2026, 3, 1), 1, 4),
        (date(2026, 3, 2), 0, 0),
    ]
    assert {day.score for day in days} == {None}


def test_days_that_nobody_evaluated_have_the_score_that_is_known_now() -> None:
    """After a first load, for as long as the facts tell exactly what was; a score of the time stays as it was."""
    state = folded([event for back in range(60) for event in usage("ann", "reports", back)])
    today = (AS_OF.date() - date(1970, 1, 1)).days
    close_score(state.usage.days, today - 3, 55.0)
    assert account_details(state, AS_OF).afterwards_until is None

    found = account_details(state, AS_OF, past=PastScores(SHIPPED))

    scores = {(AS_OF.date() - day.date).days: day.score for day in found.days}
    assert scores[3] == 55.0
    assert [scores[back] for back in (0, 29, 40)] == [None, None, None]
    for back in (1, 7, 28):
        end_ms = UTC_ZONE.end_of_day_ms(today - back)
        assert scores[back] == close_day("acme", state, end_ms, SHIPPED).score is not None
    assert found.afterwards_until == AS_OF.date() - timedelta(days=1)
    assert [day.is_afterwards for day in found.days[-4:]] == [False, True, True, False]


def test_touchpoints_come_newest_first() -> None:
    state = AccountState()
    for days_ago, kind in ((5, "call"), (1, "qbr")):
        at = (AS_OF - timedelta(days=days_ago)).isoformat()
        fold_event(state, _decoded("touchpoint", event_id=kind, kind=kind, timestamp=at))

    assert [contact.kind for contact in account_details(state, AS_OF).touchpoints] == ["qbr", "call"]


def test_an_account_of_which_nothing_is_known_has_no_details() -> None:
    found = account_details(AccountState(), AS_OF)

    assert (found.people, found.features, found.tickets, found.answers, found.days) == ([], [], [], [], [])
