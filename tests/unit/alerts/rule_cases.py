"""Every alert rule as a table: what breaks it, what it says, and its lives day by day, with a reason for each.

One entry a rule, the most telling first: tests/unit/alerts/test_rules.py runs the lives, test_messages.py and
docs/rules.md read the messages.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from stream.contracts.report import Freshness, Profile
from tests.reports import MONDAY

NONE: Mapping[str, Any] = MappingProxyType({})
FULL_AND_AT_RISK: Mapping[str, Any] = MappingProxyType({"profile": Profile(licensed_seats=20), "score": 40})


class RuleCase(NamedTuple):
    """One rule.

    Args:
        breaks: measures that break it.
        well: measures of a month later that keep it again.
        says: what the headline of its first message says, after the account's name.
        worse: measures of a week later that are worse; empty for a rule with one severity.
        line: a day on which it just fires, and one on which it just does not start to, where its number goes both ways.
        lives: each a reason and its days; those of the rules about the score stand in test_score_rules.py.
        profile: what of the account's profile breaks it.
        fields: what else of the report breaks it.
    """

    breaks: dict[str, Any]
    well: dict[str, Any]
    says: str
    lives: list[tuple[str, list["Day"]]]
    worse: Mapping[str, Any] = NONE
    line: "tuple[Day, Day] | None" = None
    profile: Mapping[str, Any] = NONE
    fields: Mapping[str, Any] = NONE


class Day(NamedTuple):
    """One day: the measures, what else the report says, and the step that comes of it, with its severity."""

    measures: dict[str, Any]
    step: str = ""
    fields: Mapping[str, Any] = NONE


def quiet(days: int | None, step: str = "", limit: float | None = 3) -> Day:
    """Nobody for so many whole working days: on a Monday to Friday of usual weeks."""
    return Day({"quiet": days, "silence_limit_days": limit}, step)


def champions(gone: float | None, step: str = "", of: float | None = 2, back: str = "") -> Day:
    names = ["ann", "bob"][: int(gone or 0)]
    measures = {"champions_gone": gone, "champions": of, "champions_gone_users": names}
    return Day(measures | ({"key_users_active": back.split()} if back else {}), step)


def users(now: float | None, before: float | None, step: str = "") -> Day:
    return Day({"mau": now, "mau_previous": before}, step, {"profile": Profile(mrr=500)})


def seats(used: int | None, step: str = "", days_known: int = 90, licensed: int | None = 20) -> Day:
    return Day({"mau": used, "days_known": days_known}, step, {"profile": Profile(licensed_seats=licensed)})


def escalated(for_hours: float | None, step: str = "") -> Day:
    return Day({"escalation_running_hours": for_hours}, step)


def tickets(high: int, step: str = "", usual: int = 2) -> Day:
    now, usually = {"high": high, "urgent": 0, "low": 40}, {"high": usual, "urgent": 0, "low": 90}
    return Day({"open_tickets_by_priority": now, "tickets_opened_90_by_priority": usually}, step)


def waits(high: int, step: str = "") -> Day:
    """So many open, the oldest since Monday."""
    day = tickets(high, step)
    return day._replace(measures=day.measures | {"oldest_open_at": MONDAY.isoformat()})


def detractors(waiting: float | None, step: str = "", days: float = 3) -> Day:
    return Day({"open_detractors": waiting, "open_detractor_days": days}, step)


def promoters(waiting: float | None, step: str = "") -> Day:
    return Day({"open_promoters": waiting}, step)


def nps(value: float | None, step: str = "", answers: int = 8) -> Day:
    return Day({"nps": value, "nps_responses": answers, "nps_previous": 40}, step)


def run_of(people: int | None, step: str = "", value: float = 30) -> Day:
    return Day({"nps": value, "nps_responses": 40, "nps_previous": 40, "detractor_run": people}, step)


def csat(value: float | None, step: str = "", answers: int = 10) -> Day:
    return Day({"csat": value, "csat_responses": answers}, step)


def effort(value: float | None, step: str = "", answers: int = 10) -> Day:
    return Day({"ces_mean": value, "ces_responses": answers}, step)


def first_value(waiting: float | None, step: str = "", reached: float | None = None) -> Day:
    return Day({"first_value_waiting_days": waiting, "time_to_first_value_days": reached}, step)


def never(
    days_after_start: int,
    step: str = "",
    mrr: float | None = 500,
    active: int | None = None,
    sources: Sequence[str] = ("usage",),
) -> Day:
    profile = Profile(started_at=MONDAY - timedelta(days=days_after_start), mrr=mrr)
    freshness = {source: Freshness() for source in sources}
    return Day({"days_since_active": active}, step, {"profile": profile, "freshness": freshness})


def left(days_since_active: int, step: str = "", stage: str = "churned") -> Day:
    return Day({"lifecycle_stage": stage, "days_since_active": days_since_active}, step)


def stuck(days: float | None, step: str = "", reached: int = 1) -> Day:
    return Day({"milestone_stuck_days": days, "milestones_reached": reached, "milestone_next": "x"}, step)


def goals(behind: float | None, pace: float | None, step: str = "") -> Day:
    return Day({"goals_off_track": behind, "outcome_pace_min": pace}, step)


def renewal(days: float | None, score: float | None, step: str = "") -> Day:
    return Day({"days_to_renewal": days}, step, {"score": score})


def cancelling(requests: float | None, step: str = "", running: int = 1) -> Day:
    return Day({"cancellation_requested": requests, "subscriptions_active": running}, step)


def money(now: float | None, step: str = "", before: float | None = 1000) -> Day:
    return Day({"mrr_active": now, "mrr_90d_max": before}, step)


def best(ratio: float | None, step: str = "") -> Day:
    return Day({"use_vs_best": ratio}, step)


def regulars(lost: float | None, step: str = "", of: float | None = 8) -> Day:
    return Day({"established_users_lost": lost, "established_users": of}, step)


def features(lapsed: int, step: str = "", used: int = 2) -> Day:
    status = {f"l{n}": "lapsed" for n in range(lapsed)} | {f"u{n}": "used" for n in range(used)}
    return Day({"feature_status": status, "depth": 0.5}, step)


def half(users: float | None, step: str = "", licensed: int | None = 20) -> Day:
    return Day({"users_for_half": users}, step, {"profile": Profile(licensed_seats=licensed)})


OPENED, WORSE, GOOD_NEWS, OVER, ENDED = (
    *("firing warning", "worse critical", "firing info", "resolved well", "resolved otherwise"),
)
AT_ONCE = "firing critical"

RULE_CASES: dict[str, RuleCase] = {
    "cancellation_requested": RuleCase(
        breaks={"cancellation_requested": 1, "cancellation_requested_days": 3, "subscriptions_active": 1},
        well={"cancellation_requested": 0, "subscriptions_active": 1},
        says="Acme Corp wants to cancel: asked 3 days ago",
        lives=[
            ("asked for", [cancelling(0), cancelling(1, AT_ONCE), cancelling(1)]),
            ("turned around", [cancelling(1, AT_ONCE), cancelling(0, OVER)]),
            ("gone", [cancelling(1, AT_ONCE), cancelling(0, ENDED, running=0)]),
            ("no subscriptions feed", [cancelling(None)]),
        ],
    ),
    "silence": RuleCase(
        breaks={"days_since_active": 10, "silence_limit_days": 3},
        well={"days_since_active": 0, "silence_limit_days": 3},
        worse={"days_since_active": 17},
        line=(quiet(4), quiet(3)),
        says="Acme Corp has gone quiet: no logins for 5 working days (normally never more than 3)",
        lives=[
            ("used every day: nothing", [quiet(0), quiet(1), quiet(0)]),
            ("as long as its habit allows is no silence; beyond it is", [quiet(3), quiet(4, OPENED), quiet(5)]),
            ("twice as long: it is an answer", [quiet(4, OPENED), quiet(6), quiet(7, WORSE), quiet(9)]),
            ("somebody came back", [quiet(4, OPENED), quiet(0, OVER), quiet(1)]),
            ("a month of quiet is nothing where people come monthly", [quiet(20, limit=42), quiet(42, limit=42)]),
            ("unknown is not silent", [quiet(None), quiet(9, limit=None), quiet(9, limit=0)]),
            ("unknown later is not the end", [quiet(4, OPENED), quiet(None), quiet(5)]),
            ("it came and went: quiet again before the end was said", [quiet(4, OPENED), quiet(2), quiet(3)]),
        ],
    ),
    "breadth_collapsed": RuleCase(
        breaks={"mau": 9, "mau_previous": 20},
        well={"mau": 18, "mau_previous": 20},
        worse={"mau": 4},
        line=(users(10, 20), users(11, 20)),
        says="monthly users fell from 20 to 9",
        lives=[
            ("as ever", [users(20, 20), users(12, 20)]),
            ("half of them gone", [users(20, 20), users(10, 20, OPENED), users(9, 20)]),
            ("three quarters", [users(10, 20, OPENED), users(5, 18, WORSE), users(4, 16)]),
            ("most are back", [users(10, 20, OPENED), users(14, 20), users(15, 20, OVER)]),
            ("a month at the new level mends nothing", [users(10, 20, OPENED), users(10, 12), users(10, 10)]),
            ("two of four: one person decides", [users(2, 4), users(1, 4)]),
            ("measured from where it fell", [users(10, 20, OPENED), users(9, 14), users(9, 11)]),
            ("nothing to compare with", [users(10, None), users(None, 20)]),
            ("all gone", [users(0, 20, AT_ONCE), users(0, None)]),
        ],
    ),
    "score_low": RuleCase(
        breaks={},
        well={},
        worse={"score": 20, "past": [30.0] * 8 + [20.0] * 7},
        says="is at risk",
        fields={"score": 30, "past": [30.0] * 8},
        lives=[],
    ),
    "champion_gone": RuleCase(
        breaks={"champions": 2, "champions_gone": 1, "champions_gone_users": ["ann"]},
        well={"champions": 2, "champions_gone": 0, "key_users_active": ["ann", "bob"]},
        worse={"champions_gone": 2, "champions_gone_users": ["ann", "bob"]},
        line=(champions(2, of=4), champions(1, of=4)),
        says="Acme Corp may be losing its champion: 1 of its 2 key users has stopped (ann)",
        lives=[
            ("all there", [champions(0), champions(0, of=5)]),
            ("one of two", [champions(0), champions(1, OPENED), champions(1)]),
            ("one of three is a holiday", [champions(1, of=3), champions(2, OPENED, of=3)]),
            ("the only one: the account hangs on it", [champions(1, AT_ONCE, of=1)]),
            ("both, one after the other", [champions(1, OPENED), champions(2, WORSE)]),
            ("out of the window is not back", [champions(1, OPENED), champions(0), champions(0, of=1)]),
            ("back by name", [champions(1, OPENED), champions(0, OVER, back="ann cas")]),
            ("somebody else came: not back", [champions(1, OPENED), champions(0, back="cas")]),
            ("one of two back: not over", [champions(2, AT_ONCE), champions(1, of=3)]),
            (
                "others carry it for a month: replaced",
                [champions(1, OPENED), *[champions(0)] * 29, champions(0, ENDED)],
            ),
            ("nobody stands out any more: not replaced", [champions(1, OPENED), *[champions(0, of=0)] * 40]),
            ("too young to have any", [champions(None, of=None), champions(1, of=None)]),
        ],
    ),
    "score_dropped": RuleCase(
        breaks={},
        well={},
        worse={"score": 45, "past": [80.0] * 8 + [60.0] * 7},
        says="lost 20 points of health in 1 day: now 60",
        fields={"score": 60, "past": [80.0] * 8},
        lives=[],
    ),
    "users_lost": RuleCase(
        breaks={"established_users": 8, "established_users_lost": 5},
        well={"established_users": 8, "established_users_lost": 0},
        says="5 of 8 established users have stopped",
        lives=[
            ("few are lost", [regulars(0), regulars(3)]),
            ("half of the regulars", [regulars(4, OPENED), regulars(5), regulars(2, OVER)]),
            ("two of three: people", [regulars(2, of=3), regulars(None), regulars(3, of=None)]),
        ],
    ),
    "use_declined": RuleCase(
        breaks={"use_vs_best": 0.2},
        well={"use_vs_best": 0.9},
        says="is down to 20% of its best half-year of use",
        lives=[
            ("as ever, a little less, unknown", [best(1.0), best(0.6), best(None)]),
            ("far below for a week, and back", [best(0.3)] * 7 + [best(0.3, OPENED), best(0.5), best(0.7, OVER)]),
            ("a bad day", [best(0.3), best(0.8), *[best(0.3)] * 7, best(0.3, OPENED)]),
        ],
    ),
    "renewal_near": RuleCase(
        breaks={"days_to_renewal": 60},
        well={"days_to_renewal": 385},
        worse={"days_to_renewal": 20},
        line=(renewal(60, 74), renewal(60, 76)),
        says="renews in 60 days, and is at risk",
        lives=[
            ("healthy", [renewal(60, 80), renewal(10, 76)]),
            ("far away", [renewal(91, 30), renewal(90, 30, OPENED)]),
            ("on watch is not healthy", [renewal(60, 60, OPENED), renewal(59, 60)]),
            ("a month before, in a bad band", [renewal(60, 40, OPENED), renewal(30, 40, WORSE)]),
            ("a month before, on watch: no worse", [renewal(31, 60, OPENED), renewal(10, 60)]),
            ("healthy by a hair", [renewal(60, 74, OPENED), renewal(59, 76), renewal(58, 74), renewal(57, 79, OVER)]),
            ("renewed: the next one is a year away", [renewal(5, 60, OPENED), renewal(365, 60, OVER)]),
            ("the day has passed", [renewal(0, 60, OPENED), renewal(-1, 60, ENDED)]),
            ("no date, or no score", [renewal(None, 20), renewal(20, None)]),
        ],
    ),
    "renewal_overdue": RuleCase(
        breaks={"days_to_renewal": -9},
        well={"days_to_renewal": 356},
        worse={"days_to_renewal": -32},
        says="was to renew 9 days ago, and nobody noted what came of it",
        lives=[
            ("a week late, a month late", [renewal(-6, 80), renewal(-7, 80, OPENED), renewal(-30, 80, WORSE)]),
            ("renewed after all", [renewal(-7, 80, OPENED), renewal(358, 80, OVER)]),
            ("a date that everybody forgot", [renewal(-180, 80, AT_ONCE), renewal(-181, 80, ENDED)]),
            ("nothing runs any more", [renewal(-7, 80, OPENED), renewal(None, 80, ENDED)]),
        ],
    ),
    "revenue_contracted": RuleCase(
        breaks={"mrr_active": 2000, "mrr_90d_max": 3417},
        well={"mrr_active": 3417, "mrr_90d_max": 3417},
        worse={"mrr_active": 500},
        says="from 3,417 to 2,000 a month",
        lives=[
            ("as before, or a little less", [money(1000), money(900), money(1200)]),
            ("a fifth, nine tenths", [money(800, OPENED), money(100, WORSE)]),
            ("back", [money(800, OPENED), money(1000, OVER)]),
            ("three months later", [money(800, OPENED), money(800, OVER, before=800)]),
            ("nobody tells money", [money(None), money(800, before=None), money(0, before=0)]),
        ],
    ),
    "escalation_open": RuleCase(
        breaks={"escalation_running_hours": 30},
        well={"escalation_running_hours": 0},
        worse={"escalation_running_hours": 80},
        says="has waited 30 hours for an escalated ticket",
        lives=[
            ("a quick one", [escalated(0), escalated(5), escalated(0)]),
            ("a day", [escalated(23), escalated(24, OPENED), escalated(48)]),
            ("three days", [escalated(24, OPENED), escalated(72, WORSE), escalated(96)]),
            ("closed", [escalated(30, OPENED), escalated(0, OVER)]),
            ("closed, and a new one is young", [escalated(30, OPENED), escalated(2, OVER), escalated(8)]),
            ("no support feed", [escalated(None)]),
        ],
    ),
    "ticket_load": RuleCase(
        breaks={"open_tickets_by_priority": {"high": 7}, "tickets_opened_90_by_priority": {"high": 2}},
        well={"open_tickets_by_priority": {"high": 0}, "tickets_opened_90_by_priority": {"high": 9}},
        worse={"open_tickets_by_priority": {"high": 12, "urgent": 4}},
        says="has 7 high or urgent tickets open",
        lives=[
            ("a few", [tickets(0), tickets(4)]),
            ("a pile, and worked off", [tickets(5, OPENED), tickets(15, WORSE), tickets(4, OVER)]),
            ("a pile for others is a week here", [tickets(30, usual=180), tickets(42, "firing critical", usual=180)]),
            (
                "one waits for two weeks, and is closed",
                [waits(1)] * 14 + [waits(1, OPENED), waits(1), tickets(0, OVER)],
            ),
            ("no support feed", [Day({"open_tickets_by_priority": None})]),
        ],
    ),
    "answers_turned": RuleCase(
        breaks={"nps": -33.3, "nps_responses": 9, "nps_previous": 40},
        well={"nps": 10, "nps_responses": 9},
        worse={"nps": -66.7, "nps_responses": 12},
        says="NPS went from 40 to −33 (9 answers)",
        lives=[
            ("good, or too few to say", [nps(40), nps(-90, answers=4), csat(0.1, answers=4)]),
            ("bad, worse and better", [nps(-30, OPENED), nps(-60, WORSE), nps(0, OVER)]),
            ("few are satisfied", [csat(0.5), csat(0.3, OPENED), csat(0.8, OVER)]),
            (
                "a run, in an account that is glad on the whole",
                [run_of(3), run_of(4, OPENED), run_of(5), run_of(0, OVER)],
            ),
            ("a run that pulls the NPS down", [run_of(4, OPENED), run_of(9, WORSE, value=-60), run_of(0, OVER)]),
            ("it is hard to use (7 is easiest)", [effort(3), effort(2.5, OPENED), effort(4.5, OVER)]),
            ("hard for few", [effort(2, answers=4)]),
            ("nobody answered", [nps(None), csat(None), run_of(None), effort(None)]),
        ],
    ),
    "detractor_follow_up": RuleCase(
        breaks={"open_detractors": 10, "open_detractor_days": 5},
        well={"open_detractors": 0},
        worse={"open_detractor_days": 12},
        says="10 people gave low NPS scores and nobody has replied; the oldest has waited 5 days",
        lives=[
            ("nobody is unhappy", [detractors(0)]),
            ("one waits", [detractors(1, OPENED), detractors(2)]),
            ("for a week", [detractors(1, OPENED), detractors(1, WORSE, days=7)]),
            ("answered", [detractors(1, OPENED), detractors(0, OVER)]),
            ("follow-ups are not recorded here", [detractors(None)]),
        ],
    ),
    "outcome_off_track": RuleCase(
        breaks={"goals_off_track": 1, "outcome_pace_min": 0.8},
        well={"goals_off_track": 0, "outcome_pace_min": 1.2},
        worse={"outcome_pace_min": 0.4},
        line=(goals(1, 0.89), goals(0, 0.91)),
        says="1 goal behind plan, the furthest at 80% of its plan",
        lives=[
            ("on track", [goals(0, 1.1), goals(0, 0.92)]),
            ("behind", [goals(1, 0.8, OPENED), goals(2, 0.7)]),
            ("far behind", [goals(1, 0.8, OPENED), goals(1, 0.49, WORSE)]),
            ("back by a hair", [goals(1, 0.89, OPENED), goals(0, 0.91), goals(1, 0.89), goals(0, 0.95, OVER)]),
            ("no goals", [goals(None, None)]),
        ],
    ),
    "onboarding_stuck": RuleCase(
        breaks={"first_value_waiting_days": 20},
        well={"first_value_waiting_days": None, "time_to_first_value_days": 21},
        worse={"first_value_waiting_days": 31},
        says="is stuck in onboarding: no first value after 20 days",
        lives=[
            ("two weeks", [first_value(13), first_value(14, OPENED), first_value(20)]),
            ("a month", [first_value(14, OPENED), first_value(30, WORSE)]),
            ("reached", [first_value(14, OPENED), first_value(None, OVER, reached=15)]),
            ("reached in time", [first_value(3), first_value(None, reached=4)]),
            ("years without any: no onboarding", [first_value(121), first_value(900)]),
            ("given up by time", [first_value(120, AT_ONCE), first_value(121, ENDED)]),
            ("unknown is not the end", [first_value(14, OPENED), first_value(None), first_value(16)]),
        ],
    ),
    "never_used": RuleCase(
        breaks={},
        well={"days_since_active": 0},
        says="has never used it: 40 days since the start, and nobody has logged in",
        profile={"started_at": MONDAY - timedelta(days=40)},
        lives=[
            ("paid for, and nobody ever came", [never(200)] * 7 + [never(200, AT_ONCE), *[never(400)] * 3]),
            ("somebody came", [never(30)] * 7 + [never(30, OPENED), never(30, OVER, active=0)]),
            ("no usage feed: that nobody came says nothing", [never(200, sources=["tickets"])] * 9),
            ("nobody pays, or it is young", [never(200, mrr=None), never(200, mrr=0), never(3)]),
        ],
    ),
    "milestone_stuck": RuleCase(
        breaks={"milestone_stuck_days": 40, "milestone_next": "invite", "milestones_reached": 1},
        well={"milestone_stuck_days": 0, "milestones_reached": 2},
        says="has not reached “invite” for 40 days",
        lives=[
            ("a month", [stuck(29), stuck(30, OPENED), stuck(60)]),
            ("went on", [stuck(30, OPENED), stuck(0, OVER, reached=2)]),
            ("reached the last", [stuck(30, OPENED), stuck(None, OVER, reached=3)]),
            ("that is how it is used", [stuck(120, OPENED), stuck(121, ENDED), stuck(300)]),
            ("none configured", [Day({"milestone_stuck_days": None}), Day({})]),
        ],
    ),
    "features_abandoned": RuleCase(
        breaks={"feature_status": {"reports": "lapsed", "api": "lapsed", "search": "used"}, "depth": 0.3},
        well={"feature_status": {"reports": "used", "api": "used", "search": "used"}, "depth": 1},
        says="has stopped using api and reports",
        lives=[
            ("one of many", [features(0), features(1), features(1, used=9)]),
            ("half of them, and one back", [features(2, OPENED), features(3), features(1, OVER)]),
            ("all of them: that is silence", [features(4, used=0)]),
        ],
    ),
    "licences_low": RuleCase(
        breaks={"mau": 3, "days_known": 90},
        well={"mau": 18, "days_known": 91},
        line=(seats(7), seats(9)),
        says="uses only 3 of 20 seats",
        lives=[
            ("well used", [seats(18), seats(11)]),
            ("under the line", [seats(10), seats(7, OPENED), seats(6)]),
            ("between the lines nothing changes", [seats(9), seats(7, OPENED), seats(9), seats(7)]),
            ("over the upper line", [seats(7, OPENED), seats(9), seats(10, OVER)]),
            ("a newcomer may take its time", [seats(2, days_known=59), seats(2, OPENED, days_known=60)]),
            ("four seats are no talk", [seats(1, licensed=4)]),
            ("seats unknown", [seats(None), seats(2, licensed=None)]),
        ],
    ),
    "few_users": RuleCase(
        breaks={"users_for_half": 1},
        well={"users_for_half": 5},
        says="half of the use hangs on one person",
        lives=[
            ("one person, for two weeks", [half(1)] * 14 + [half(1, GOOD_NEWS), half(4, OVER)]),
            ("a small account is one person", [half(1, licensed=3), half(None), half(0)]),
        ],
    ),
    "promoter_follow_up": RuleCase(
        breaks={"open_promoters": 2},
        well={"open_promoters": 0},
        says="",
        fields={"score": 82},
        lives=[
            ("good news, once", [promoters(0), promoters(1, GOOD_NEWS), promoters(4), promoters(0, OVER)]),
            ("follow-ups are not recorded here", [promoters(None)]),
        ],
    ),
    "win_back": RuleCase(
        breaks={"lifecycle_stage": "churned", "days_since_active": 1, "mau": 6},
        well={"lifecycle_stage": "returned", "days_since_active": 0},
        says="",
        fields={"score": None},
        lives=[
            ("a customer uses it: that is no news", [left(0, stage="active")] * 16),
            ("gone for good", [left(30), left(60)]),
            ("the last days of a notice are no way back", [left(0)] * 10 + [left(9)] * 9),
            ("used for two weeks after the end", [left(0)] * 14 + [left(2, GOOD_NEWS), left(1), left(9, ENDED)]),
            ("a customer again", [left(0)] * 14 + [left(0, GOOD_NEWS), left(0, OVER, stage="returned")]),
            ("paused is not gone", [left(0, stage="paused")] * 16),
        ],
    ),
    "licences_high": RuleCase(
        breaks={"mau": 20, "days_known": 90},
        well={"mau": 10, "days_known": 91},
        line=(seats(20), seats(18)),
        says="",
        fields={"score": 82},
        lives=[
            ("room is left", [seats(18), seats(18)]),
            ("full: good news, once", [seats(19, GOOD_NEWS), seats(24), seats(18), seats(20)]),
            ("room again, for a week", [seats(19, GOOD_NEWS), *[seats(16)] * 7, seats(16, ENDED)]),
            ("three seats are full at once", [seats(3, licensed=3)]),
            ("full, and at risk: nobody to congratulate", [seats(20)._replace(fields=FULL_AND_AT_RISK)]),
        ],
    ),
}
