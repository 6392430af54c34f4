"""The events of a synthetic company, in time order and none after `now`, as the input contracts want them.

What happens causes what is written down: whoever is away writes no ticket, a ticket that waits brings a bad answer, and
weekends and public holidays are quiet.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from math import exp
from random import Random
from typing import Any, Final

import holidays

from heartline.synthetic.company import CORE_FEATURES, OTHER_FEATURES, Customer, customers
from heartline.synthetic.people import role_of
from heartline.synthetic.success import CURRENCY, followed_up, goals, looked_after, subscribed

HISTORY_DAYS: Final = 60  # before the stories begin: what is on Kafka when Heartline is first started
DAYS: Final = 60
_WEEKEND_RATIO: Final = 0.12
_FEATURES: Final = (*CORE_FEATURES, *OTHER_FEATURES)
_FEATURE_WEIGHTS: Final = (10, 8, 6, 4, 3, 3, 6, 1, 2, 1)
_CATEGORIES: Final = ("question", "question", "bug", "performance", "billing")
_TICKETS_A_USE: Final = 0.006  # expected of somebody on a day of theirs
_URGENT_RATIO: Final = 0.01  # of the tickets that no incident is behind
_ROUND_DAYS: Final = 91  # everyone is asked for an NPS answer once in a quarter, within a week
_ANSWERS_RATIO: Final = 0.45  # of those asked

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
        (first_day + timedelta(seconds=index), _account(customer)) for index, customer in enumerate(company)
    ]
    introduced = first_day + timedelta(minutes=20)
    pending += [(introduced, event) for customer in company for event in _people(customer)]
    begun = first_day + timedelta(minutes=30)
    for index, customer in enumerate(company):
        pending += subscribed(customer, begun + timedelta(seconds=index), day_0)
    cares = [Random(f"{seed}/{customer.account_id}/care") for customer in company]  # noqa: S311 (made-up data)
    number = 0
    for day in range(-HISTORY_DAYS, DAYS):
        morning = day_0 + timedelta(days=day)
        for random, care, customer in zip(randoms, cares, company, strict=True):
            here = _here(customer, day, morning)
            pending += _usage(random, customer, day, morning, here)
            pending += _tickets(random, customer, day, morning, here)
            answers = list(_answers(random, customer, day, morning, here))
            pending += answers
            for said, answer in answers:
                pending += followed_up(care, customer, said, answer)
            if customer.story.is_customer(day):
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
        "currency": CURRENCY,
        "started_at": customer.started_at.isoformat(),
        "renewal_at": customer.renewal_at.isoformat(),
        "goals": goals(customer),
    }


def _people(customer: Customer) -> Iterator[Event]:
    """What the directory says: who everybody is."""
    for rank, (user, name) in enumerate(zip(customer.users, customer.names, strict=True)):
        said: Event = {"type": "user", "account_id": customer.account_id, "user_id": user, "name": name}
        role = role_of(rank)
        yield said if role is None else said | {"role": role}


def _here(customer: Customer, day: int, morning: datetime) -> list[tuple[str, float]]:
    """Who may come on a day, the most active first, and how likely each of them does."""
    story, last = customer.story, max(len(customer.users) - 1, 1)
    level = story.use_ratio(day) * customer.activity_ratio
    if morning.weekday() >= 5 or morning.date() in _public_holidays(customer.country, morning.year):
        level *= _WEEKEND_RATIO
    here = []
    for index, user in enumerate(customer.users):
        rank = index / last
        gone = story.leaves(rank)
        if level > 0 and (gone is None or day < gone):
            here.append((user, level * (1.25 - 0.5 * rank)))
    return here


@cache
def _public_holidays(country: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, years=year))


def _usage(
    random: Random, customer: Customer, day: int, morning: datetime, here: Sequence[tuple[str, float]]
) -> Iterator[tuple[datetime, Event]]:
    """Each person comes or not; whoever comes uses a few features within working hours."""
    for user, chance in here:
        if random.random() >= chance:
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


def _tickets(
    random: Random, customer: Customer, day: int, morning: datetime, here: Sequence[tuple[str, float]]
) -> Iterator[tuple[datetime, Event]]:
    """Tickets opened on the day, with all that becomes of them later."""
    count = _poisson(random, _TICKETS_A_USE * sum(chance for _, chance in here))
    for number in range(count):
        ticket = _ticket(customer, random.choice(here)[0], f"{morning:%m%d}{number}", random.choice(_CATEGORIES))
        urgent = random.random() < _URGENT_RATIO
        priority = "urgent" if urgent else random.choice(("low", "normal", "normal", "high"))
        days = random.uniform(0.1, 0.6) if urgent else random.uniform(0.5, 3.0)
        yield from _lived(random, customer, ticket | {"priority": priority}, day, morning, days)
    incident = customer.story.incident
    if incident is None or not incident.first_day <= day <= incident.last_day:
        return
    # The first day always brings one: that is how the incident becomes known.
    for number in range(max(_poisson(random, incident.tickets_a_day), day == incident.first_day)):
        at = (day - incident.first_day) * 10 + number
        ticket = _ticket(customer, random.choice(customer.users), f"{morning:%m%d}9{number}", incident.category)
        urgent = number == 0 and day - incident.first_day < incident.urgent
        ticket["priority"] = "urgent" if urgent else random.choice(("normal", "high"))
        days = incident.fixed_day - day + random.uniform(0.0, 0.4)
        yield from _lived(random, customer, ticket, day, morning, days, escalated=at == 0)


def _ticket(customer: Customer, user: str, number: str, category: str) -> Event:
    return {
        "type": "ticket",
        "account_id": customer.account_id,
        "ticket_id": f"{customer.account_id}-{number}",
        "category": category,
        "user_id": user,
    }


def _lived(
    random: Random,
    customer: Customer,
    ticket: Event,
    day: int,
    morning: datetime,
    days: float,
    *,
    escalated: bool = False,
) -> Iterator[tuple[datetime, Event]]:
    """A ticket from its opening to its end, and what its author thinks of that."""
    opened = morning + timedelta(hours=random.uniform(8, 17))
    yield opened, ticket | {"status": "opened"}
    if escalated:
        yield opened + timedelta(hours=random.uniform(1, 5)), ticket | {"status": "escalated"}
    solved = opened + timedelta(days=days)
    yield solved, ticket | {"status": "solved"}
    if random.random() < _ANSWERS_RATIO:
        # Who waited a day is content; a week costs two of five points.
        score = min(max(round(random.gauss(customer.story.mood(day) / 2 + 0.5 - days * 0.3, 0.6)), 1), 5)
        answered = solved + timedelta(hours=random.uniform(1, 20))
        yield answered, _answer(customer, ticket["user_id"], "csat", score, answered)
    yield solved + timedelta(days=2), ticket | {"status": "closed"}


def _answers(
    random: Random, customer: Customer, day: int, morning: datetime, here: Sequence[tuple[str, float]]
) -> Iterator[tuple[datetime, Event]]:
    """Answers to the NPS survey: a round a quarter, and one more where the story has it."""
    in_round = (day + sum(customer.account_id.encode())) % _ROUND_DAYS < 5
    survey_day = customer.story.survey_day
    extra = survey_day is not None and survey_day <= day < survey_day + 5
    if not in_round and not extra:
        return
    for user, _ in here:
        if random.random() < _ANSWERS_RATIO / 5:
            score = min(max(round(random.gauss(customer.story.mood(day), 1.2)), 0), 10)
            yield morning + timedelta(hours=random.uniform(8, 18)), _answer(customer, user, "nps", score, morning)


def _answer(customer: Customer, user: str, survey: str, score: int, moment: datetime) -> Event:
    return {
        "type": "survey",
        "account_id": customer.account_id,
        "response_id": f"{survey}-{user}-{moment:%m%d%H%M}",
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
