"""The events of a synthetic company, in time order and none after `now`, as the input contracts want them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import exp
from random import Random
from typing import Any, Final

from heartline.synthetic.company import CORE_FEATURES, OTHER_FEATURES, Customer, customers
from heartline.synthetic.success import followed_up, goals, looked_after, subscribed

HISTORY_DAYS: Final = 60  # before the stories begin: what is on Kafka when Heartline is first started
DAYS: Final = 60
_WEEKEND_RATIO: Final = 0.12
_FEATURES: Final = (*CORE_FEATURES, *OTHER_FEATURES)
_FEATURE_WEIGHTS: Final = (10, 8, 6, 4, 3, 3, 6, 1, 2, 1)
_CATEGORIES: Final = ("bug", "question", "performance", "billing")

Event = dict[str, Any]


def story_start(now: datetime) -> datetime:
    """The midnight that begins day 0 of the stories; `now` is on day 59."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS - 1)


def events(now: datetime, count: int = 40, seed: int = 7) -> Iterator[Event]:
    """Everything that happened in the 60 days of stories that end with `now`, and in the 60 quiet days before them.

    Args:
        now: aware UTC; no event is later.
        count: how many accounts.
        seed: another number, another company.

    Yields:
        Events with `type` and an ISO-8601 `timestamp`, in time order.
    """
    day_0 = story_start(now)
    first_day = day_0 - timedelta(days=HISTORY_DAYS)
    company = customers(now, count, seed)
    randoms = [Random(f"{seed}/{customer.account_id}") for customer in company]  # noqa: S311 (made-up data)
    pending: list[tuple[datetime, Event]] = [
        (first_day + timedelta(seconds=place), _account(customer)) for place, customer in enumerate(company)
    ]
    begun = first_day + timedelta(minutes=30)
    pending += [(begun + timedelta(seconds=place), subscribed(customer)) for place, customer in enumerate(company)]
    cares = [Random(f"{seed}/{customer.account_id}/care") for customer in company]  # noqa: S311 (made-up data)
    number = 0
    for day in range(-HISTORY_DAYS, DAYS):
        morning = day_0 + timedelta(days=day)
        for random, care, customer in zip(randoms, cares, company, strict=True):
            pending += _usage(random, customer, day, morning)
            pending += _tickets(random, customer, day, morning)
            answers = list(_answers(random, customer, day, morning))
            pending += answers
            for said, answer in answers:
                pending += followed_up(care, customer, said, answer)
            pending += looked_after(care, customer, day, morning)
        evening = morning + timedelta(days=1)
        due = sorted((item for item in pending if item[0] < evening), key=lambda item: item[0])
        pending = [item for item in pending if item[0] >= evening]
        for moment, event in due:
            if moment > now:
                return
            number += 1
            yield event | {"event_id": f"e{number:06}", "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _account(customer: Customer) -> Event:
    """What the CRM says."""
    return {
        "type": "account",
        "account_id": customer.account_id,
        "name": customer.name,
        "segment": customer.segment,
        "owner": customer.owner,
        "licensed_seats": customer.licensed_seats,
        "mrr": customer.mrr,
        "started_at": customer.started_at.isoformat(),
        "renewal_at": customer.renewal_at.isoformat(),
        "goals": goals(customer),
    }


def _usage(random: Random, customer: Customer, day: int, morning: datetime) -> Iterator[tuple[datetime, Event]]:
    """Each person comes or not; whoever comes uses a few features within working hours."""
    level = customer.story.use_ratio(day) * (1.0 if morning.weekday() < 5 else _WEEKEND_RATIO)
    for place, user in enumerate(customer.users):
        keen = 1.25 - 0.5 * place / len(customer.users)
        if random.random() >= customer.activity_ratio * keen * level:
            continue
        start = morning + timedelta(hours=random.uniform(7.5, 16))
        session = f"{user}-{morning:%m%d}"
        for feature in random.choices(_FEATURES, _FEATURE_WEIGHTS, k=random.randint(1, 4)):
            start += timedelta(minutes=random.uniform(1, 30))
            yield (
                start,
                {
                    "type": "usage",
                    "account_id": customer.account_id,
                    "user_id": user,
                    "feature": feature,
                    "session_id": session,
                    "duration_seconds": random.randint(20, 1500),
                },
            )


def _tickets(random: Random, customer: Customer, day: int, morning: datetime) -> Iterator[tuple[datetime, Event]]:
    """Tickets opened on the day, with all that becomes of them later."""
    story = customer.story
    for number in range(_poisson(random, story.tickets_a_day(day))):
        urgent = random.random() < story.urgent_ratio(day)
        ticket: Event = {
            "type": "ticket",
            "account_id": customer.account_id,
            "ticket_id": f"{customer.account_id}-{morning:%m%d}{number}",
            "priority": "urgent" if urgent else random.choice(("low", "normal", "normal", "high")),
            "category": random.choice(_CATEGORIES),
            "user_id": random.choice(customer.users),
        }
        opened = morning + timedelta(hours=random.uniform(8, 17))
        yield opened, ticket | {"status": "opened"}
        if urgent:
            yield opened + timedelta(hours=random.uniform(1, 5)), ticket | {"status": "escalated"}
        solved = opened + timedelta(hours=6, days=story.solve_days * random.uniform(0.5, 1.5))
        yield solved, ticket | {"status": "solved"}
        if random.random() < 0.5:
            score = min(max(round(random.gauss(story.mood(day) / 2, 0.7)), 1), 5)
            yield (
                solved + timedelta(hours=random.uniform(1, 20)),
                _answer(customer, ticket["user_id"], "csat", score, morning),
            )
        yield solved + timedelta(days=2), ticket | {"status": "closed"}


def _answers(random: Random, customer: Customer, day: int, morning: datetime) -> Iterator[tuple[datetime, Event]]:
    """Answers to the NPS survey: some every week, or everyone's within the days of a wave."""
    wave = customer.story.survey_wave
    asked = 0.4 if wave is not None and wave[0] <= day <= wave[1] else 0.012
    for user in customer.users:
        if random.random() < asked:
            score = min(max(round(random.gauss(customer.story.mood(day), 1.2)), 0), 10)
            yield morning + timedelta(hours=random.uniform(8, 18)), _answer(customer, user, "nps", score, morning)


def _answer(customer: Customer, user: str, survey: str, score: int, morning: datetime) -> Event:
    return {
        "type": "survey",
        "account_id": customer.account_id,
        "response_id": f"{survey}-{user}-{morning:%m%d}",
        "user_id": user,
        "survey": survey,
        "score": score,
    }


def _poisson(random: Random, mean: float) -> int:
    """How many of something that comes `mean` times on average. Source: Knuth, TAOCP 3.4.1."""
    limit, product, count = exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
