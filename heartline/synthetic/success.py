"""What those who look after the accounts do, and what is agreed with them: touchpoints, outcomes, subscriptions.

Every account is called once a month, hears of its goal every fortnight, and gets an answer to what it says in a survey
within a day; but nobody answers the wave of detractors.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from heartline.synthetic.company import Customer

CALL_EVERY_DAYS: Final = 30
OUTCOME_EVERY_DAYS: Final = 14
CURRENCY: Final = "USD"
GOAL: Final = "reports automated"
GOAL_TARGET: Final = 100
GOAL_DAYS: Final = 1500  # from the beginning to the due day: nobody's is due within the stories

Event = dict[str, Any]


def goals(customer: Customer) -> list[Event]:
    """The goal that the account feed names."""
    due_at = customer.started_at + timedelta(days=GOAL_DAYS)
    return [{"name": GOAL, "target": GOAL_TARGET, "due_at": due_at.isoformat(), "owner": customer.owner}]


def subscribed(customer: Customer, begun: datetime, day_0: datetime) -> Iterator[tuple[datetime, Event]]:
    """The subscription that an account has had from its start, and what becomes of it.

    Args:
        customer: whose.
        begun: when the history begins: then it is told of for the first time.
        day_0: the midnight that begins the stories.
    """
    seats, mrr = customer.licensed_seats, customer.mrr
    changes = customer.story.contract
    if not changes or changes[0].status not in ("trial_started", "cancelled"):
        yield begun, _subscription(customer, "started", seats, mrr)
    for change in changes:
        seats, mrr = round(seats * change.seats_ratio), round(mrr * change.seats_ratio, 2)
        moment = max(day_0 + timedelta(days=change.day, hours=11), begun)
        yield moment, _subscription(customer, change.status, seats, 0.0 if change.status == "trial_started" else mrr)


def _subscription(customer: Customer, status: str, seats: int, mrr: float) -> Event:
    said: Event = {
        "type": "subscription",
        "account_id": customer.account_id,
        "subscription_id": f"{customer.account_id}-1",
        "status": status,
    }
    if status in ("cancellation_requested", "cancelled"):
        return said
    return said | {"mrr": mrr, "currency": CURRENCY, "seats": seats, "renewal_at": customer.renewal_at.isoformat()}


def looked_after(random: Random, customer: Customer, day: int, morning: datetime) -> Iterator[tuple[datetime, Event]]:
    """The calls and outcomes of a day; a goal goes along a little ahead of its plan."""
    moment = morning + timedelta(hours=random.uniform(8, 17))
    offset = sum(customer.account_id.encode())
    if (day + offset) % CALL_EVERY_DAYS == 0:
        kind = random.choice(("call", "call", "qbr", "training"))
        yield moment, _touch(customer, {"kind": kind, "user_id": customer.users[0]})
    if (day + offset) % OUTCOME_EVERY_DAYS == 0:
        share = (morning - customer.started_at).days / GOAL_DAYS
        value = round(GOAL_TARGET * share * 1.1 + 1, 1)
        yield moment, {"type": "outcome", "account_id": customer.account_id, "goal": GOAL, "value": value}


def followed_up(random: Random, customer: Customer, said: datetime, answer: Event) -> Iterator[tuple[datetime, Event]]:
    """The e-mail after a promoter's or detractor's answer, where somebody writes one."""
    if answer["survey"] == "nps" and customer.story.answered and not 7 <= answer["score"] <= 8:
        named = {"kind": "email", "user_id": answer["user_id"], "response_id": answer["response_id"]}
        yield said + timedelta(hours=random.uniform(2, 24)), _touch(customer, named)


def _touch(customer: Customer, more: Event) -> Event:
    return {"type": "touchpoint", "account_id": customer.account_id, "owner": customer.owner} | more
