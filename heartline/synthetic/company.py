"""Who the accounts are: names, segments, owners, seats, renewals, which story each lives, and who is in trouble."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from heartline.synthetic import stories
from heartline.synthetic.people import OWNERS, names_of_people
from heartline.synthetic.stories import Story

CORE_FEATURES: Final = ("dashboards", "reports", "alerts", "integrations", "exports", "api")
OTHER_FEATURES: Final = ("search", "admin", "mobile", "audit-log")

_FIRST: Final = (
    "Alder", "Basalt", "Cobalt", "Delta", "Ember", "Fathom", "Granite", "Harbor", "Indigo", "Juniper",
    "Kestrel", "Lumen", "Meridian", "Nimbus", "Onyx", "Prairie", "Quartz", "Ridge", "Summit", "Tundra",
)  # fmt: skip
_SECOND: Final = ("Logistics", "Analytics", "Health", "Energy", "Foods", "Robotics", "Travel", "Media")

# Seats (fewest, most), monthly recurring revenue a seat, and share of the accounts, by segment.
_SEGMENTS: Final = {"enterprise": (40, 70, 55.0, 0.2), "mid-market": (16, 34, 70.0, 0.4), "smb": (6, 14, 90.0, 0.4)}

# The accounts that something happens to; everyone else is steady.
_CAST: Final = {
    2: stories.DECLINES_EARLY,
    5: stories.RECOVERS,
    7: stories.CONTRACTS,
    9: stories.GROWS,
    12: stories.COLLAPSES,
    15: stories.PILOT,
    17: stories.GOES_SILENT,
    20: stories.DECLINES,
    23: stories.TICKET_STORM,
    26: stories.DETRACTORS,
    28: stories.TERM_BREAK,
    29: stories.GROWS,
    31: stories.RETURNS,
    33: stories.CHAMPION_LEAVES,
    36: stories.CANCELS,
}

# Where they are, which says when they have public holidays: ISO 3166 code and share of the accounts.
_COUNTRIES: Final = {"US": 0.5, "GB": 0.2, "DE": 0.2, "FR": 0.1}


@dataclass(frozen=True)
class Customer:
    """One account, and the story it lives.

    Attributes:
        users: the ids of its people; the first ones are the most active.
        names: what they are called, in the same order.
        activity_ratio: how likely its people are to come on a usual weekday, 0..1.
        country: ISO 3166 code; its public holidays are days off.
    """

    account_id: str
    name: str
    segment: str
    owner: str
    licensed_seats: int
    mrr: float
    started_at: datetime
    renewal_at: datetime
    users: tuple[str, ...]
    names: tuple[str, ...]
    activity_ratio: float
    story: Story
    country: str


def customers(now: datetime, count: int = 40, seed: int = 7) -> list[Customer]:
    """The accounts, the same for the same day and seed.

    Args:
        now: aware UTC; start and renewal dates lie around it.
        count: how many, 1..160.
    """
    random = Random(seed)  # noqa: S311 (made-up data, not a secret)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    names = [f"{first} {second}" for second in _SECOND for first in _FIRST]
    random.shuffle(names)
    return [_customer(random, number, names[number], today) for number in range(count)]


def _customer(random: Random, number: int, name: str, today: datetime) -> Customer:
    segment = random.choices(list(_SEGMENTS), [share for *_, share in _SEGMENTS.values()])[0]
    story = _CAST.get(number, stories.STEADY)
    segment = story.segment or segment
    fewest, most, price, _ = _SEGMENTS[segment]
    seats = random.randint(fewest, most)
    account_id = name.lower().replace(" ", "-")
    people = max(4, round(seats * random.uniform(0.6, 0.85) * story.people_ratio))
    return Customer(
        account_id=account_id,
        name=name,
        segment=segment,
        owner=OWNERS[number % len(OWNERS)],
        licensed_seats=seats,
        mrr=round(seats * price, 2),
        started_at=today - timedelta(days=random.randint(200, 1200)),
        renewal_at=today + timedelta(days=random.randint(15, 340)),
        users=tuple(f"{account_id}-u{user:02}" for user in range(1, people + 1)),
        names=names_of_people(account_id, people),
        activity_ratio=random.uniform(0.55, 0.75),
        story=story,
        country=random.choices(list(_COUNTRIES), list(_COUNTRIES.values()))[0],
    )


def troubles(now: datetime, count: int = 40, seed: int = 7) -> dict[str, str]:
    """The accounts that deserve a red flag during the stories, and why; nobody else does.

    Args: as for `customers`.

    Returns:
        Account id to the reason, in a sentence.
    """
    company = customers(now, count, seed)
    return {customer.account_id: customer.story.trouble for customer in company if customer.story.trouble is not None}
