"""Years of a company: subscriptions, plans, campaigns, owners, costs, exchange rates, referrals, touchpoints.

Everything that makes such books hard is in it: trials, discounts, pauses, several subscriptions and currencies, changes
and ends on one day, early and late renewals, requests to leave that are withdrawn or repeated, ends that are announced,
subscriptions that move to another account, customers whom billing calls by an id of its own, corrections, and records
that come late.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

Event = dict[str, Any]

CURRENCY: Final = "EUR"
PRODUCTS: Final = ("core", "insights", "connect")
PLANS: Final[dict[str, float]] = {"starter": 9.0, "team": 19.0, "business": 39.0, "enterprise": 79.0}
PLAYS: Final = ("re-onboard", "executive check-in")
CAMPAIGNS: Final = ("search", "webinar", "referral", "outbound")
OWNERS_PER_SEGMENT: Final = 3
_FOREIGN: Final[dict[str, float]] = {"USD": 0.92, "GBP": 1.17, "JPY": 0.0062}
_SEGMENTS: Final[dict[str, tuple[int, int]]] = {"enterprise": (60, 400), "mid-market": (20, 60), "smb": (3, 20)}
_TERM_DAYS: Final[dict[str, int]] = {"month": 30, "quarter": 91, "year": 365}
_MONTHS: Final[dict[str, int]] = {"month": 1, "quarter": 3, "year": 12}


def business(end: datetime, accounts: int, years: float, seed: int = 7) -> list[Event]:
    """Everything that was recorded until a moment, in the order in which it was.

    Args:
        end: aware UTC.
        accounts: how many customers and trials there were over the years.
        years: how long ago it began.
        seed: another number, another company.

    Returns:
        Events with `type`, `event_id`, `timestamp`, and `recorded_at` where that was later.
    """
    begin = end - timedelta(days=round(365 * years))
    found: list[Event] = [*_rates(begin, end, seed), *_costs(begin, end)]
    for number in range(accounts):
        story = _Story(number, accounts, begin, end, Random(f"{seed}/{number}"))  # noqa: S311 (made-up data)
        found += story.events()
    until = end.isoformat()
    known = [event for event in found if _recorded(event) <= until]
    return sorted(known, key=lambda event: (_recorded(event), event["event_id"]))


def _recorded(event: Event) -> str:
    return str(event.get("recorded_at", event["timestamp"]))


def account_days(end: datetime, accounts: int, years: float, seed: int = 7, every_days: int = 1) -> Iterator[Event]:
    """How each account stood at the end of each day (or of every so many), in the order of the days."""
    begin = end - timedelta(days=round(365 * years))
    randoms = [Random(f"{seed}/{number}/days") for number in range(accounts)]  # noqa: S311 (made-up data)
    levels = [random.uniform(30, 95) for random in randoms]
    for day in range(0, round(365 * years), every_days):
        date = (begin + timedelta(days=day)).date()
        for number, random in enumerate(randoms):
            levels[number] = min(100.0, max(0.0, levels[number] + random.uniform(-4, 4)))
            yield _account_day(number, date.isoformat(), levels[number], random)


def _account_day(number: int, day: str, score: float, random: Random) -> Event:
    seats = 5 + number % 60
    bands = ((70, "healthy"), (50, "watch"), (30, "at_risk"), (-1, "critical"))
    return {
        "type": "account_day",
        "account_id": _account_id(number),
        "day": day,
        "timestamp": f"{day}T23:59:59+00:00",
        "score": round(score, 1),
        "band": next(band for least, band in bands if score > least),
        "mau": round(seats * score / 110),
        "wau": round(seats * score / 160),
        "seats": seats,
        "features": ["dashboards", "reports", "alerts", "exports"][: 1 + round(score / 34)],
        "coverage_ratio": 1.0,
        "time_to_first_value_days": round(1 + number % 40 + random.random(), 1) if number % 7 else None,
    }


def _account_id(number: int) -> str:
    return f"account-{number:05}"


def _rates(begin: datetime, end: datetime, seed: int) -> Iterator[Event]:
    """A rate a fortnight and currency; the first ones long before anybody pays."""
    random = Random(f"{seed}/rates")  # noqa: S311 (made-up data)
    for currency, level in _FOREIGN.items():
        day, rate = begin - timedelta(days=30), level
        while day <= end:
            rate *= random.uniform(0.985, 1.015)
            yield {
                "type": "rate",
                "event_id": f"rate-{currency}-{day:%Y-%m-%d}",
                "date": f"{day:%Y-%m-%d}",
                "currency": currency,
                "rate": f"{rate:.6f}",
                "timestamp": day.isoformat(),
            }
            day += timedelta(days=14)


def _costs(begin: datetime, end: datetime) -> Iterator[Event]:
    """What a month's campaigns and a quarter's team cost, known once it is over."""
    year, month = begin.year, begin.month
    while (after := datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)) <= end:
        for index, campaign in enumerate(CAMPAIGNS):
            yield {
                "type": "cost",
                "event_id": f"cost-{year}-{month:02}-{campaign}",
                "period": f"{year}-{month:02}",
                "kind": "acquisition",
                "campaign": campaign,
                "amount": f"{1500 + 700 * index + 13 * month}.50",
                "currency": CURRENCY,
                "timestamp": after.isoformat(),
            }
        if month % 3 == 0:
            for segment in _SEGMENTS:
                yield {
                    "type": "cost",
                    "event_id": f"cost-{year}-Q{month // 3}-{segment}",
                    "period": f"{year}-Q{month // 3}",
                    "kind": "customer_success",
                    "owner": f"{segment}-1",
                    "amount": 21000 + 100 * month,
                    "currency": "USD" if segment == "smb" else CURRENCY,
                    "timestamp": after.isoformat(),
                }
        year, month = after.year, after.month


class _Story:
    """One account's life, event by event."""

    def __init__(self, number: int, accounts: int, begin: datetime, end: datetime, random: Random) -> None:
        self._random = random
        self._number, self._accounts = number, accounts
        self._account = _account_id(number)
        self._begin, self._end = begin, end
        self._segment = random.choices(list(_SEGMENTS), (1, 3, 5))[0]
        self._owner = f"{self._segment}-{random.randint(1, OWNERS_PER_SEGMENT)}"
        self._campaign = random.choice(CAMPAIGNS)
        self._currency = random.choices((CURRENCY, *_FOREIGN), (7, 2, 1, 1))[0]
        self._found: list[Event] = []
        self._count = 0

    def events(self) -> list[Event]:
        """All of them, in no order."""
        random = self._random
        days = (self._end - self._begin).days
        first = self._begin + timedelta(days=random.uniform(0, days * 0.95), hours=random.uniform(0, 24))
        self._described(first)
        self._subscription(first, "1", "core")
        for product in PRODUCTS[1:]:
            if random.random() < 0.15:
                self._subscription(first + timedelta(days=random.uniform(0, 500)), PRODUCTS.index(product) + 1, product)
        self._looked_after(first)
        self._played(first)
        self._billed(first)
        return [event for event in self._found if event["timestamp"] <= self._end.isoformat()]

    def _add(self, kind: str, moment: datetime, more: Event, late_days: float = 0) -> Event:
        self._count += 1
        event = {
            "type": kind,
            "event_id": f"{_account_id(self._number)}-{self._count}",
            "account_id": self._account,
            "timestamp": moment.isoformat(),
        } | more
        if late_days:
            event["recorded_at"] = (moment + timedelta(days=late_days)).isoformat()
        self._found.append(event)
        return event

    def _described(self, first: datetime) -> None:
        """Segment and owner, and both once more when they have changed."""
        random = self._random
        name = f"Account {self._number}"
        self._add(
            "account",
            first,
            {"name": name, "segment": self._segment, "owner": self._owner, "lifecycle_stage": "onboarding"},
        )
        if random.random() < 0.3:
            owner = f"{self._segment}-{random.randint(1, OWNERS_PER_SEGMENT)}"
            self._add(
                "account",
                first + timedelta(days=random.uniform(20, 700)),
                {"owner": owner, "lifecycle_stage": "active"},
            )
        if random.random() < 0.1:
            segment = random.choice(list(_SEGMENTS))
            self._add("account", first + timedelta(days=random.uniform(20, 700)), {"segment": segment})

    def _change(self, moment: datetime, subscription: str, status: str, more: Event | None = None) -> Event:
        late = self._random.uniform(1, 60) if self._random.random() < 0.04 else 0
        return self._add(
            "subscription", moment, {"subscription_id": subscription, "status": status} | (more or {}), late
        )

    def _price(self, plan: str, seats: int, interval: str) -> Event:
        amount = round(PLANS[plan] * seats * _MONTHS[interval], 2)
        if self._currency == "JPY":
            amount = round(amount * 160)
        return {"plan": plan, "seats": seats, "amount": amount, "currency": self._currency, "interval": interval}

    def _subscription(self, first: datetime, number: int | str, product: str) -> None:
        """From its trial, or its start, to its end or today."""
        random = self._random
        subscription = f"{self._account}/{number}"
        few, many = _SEGMENTS[self._segment]
        seats = random.randint(few, many)
        plan = random.choice(list(PLANS))
        interval = random.choices(("month", "quarter", "year"), (3, 2, 5))[0]
        now = first
        if random.random() < 0.4:
            ends = now + timedelta(days=14)
            self._change(
                now,
                subscription,
                "trial_started",
                {"product": product, "plan": plan, "term_end": ends.isoformat(), "campaign": self._campaign},
            )
            end = random.random()
            if end < 0.35:
                return
            if end < 0.5:
                self._change(now + timedelta(days=random.uniform(5, 13)), subscription, "trial_expired")
                return
            now += timedelta(days=random.uniform(3, 13.5))
        status = "trial_converted" if now > first else "started"
        term = now + timedelta(days=_TERM_DAYS[interval] if interval == "year" else 365)
        started = self._price(plan, seats, interval)
        started |= {"product": product, "campaign": self._campaign, "term_end": term.isoformat()}
        if random.random() < 0.15:
            started["discount"] = random.choice((0.1, 0.333, 1))
        if random.random() < 0.05:
            started = {
                "product": product,
                "plan": plan,
                "mrr": round(PLANS[plan] * seats, 2),
                "campaign": self._campaign,
            }
        event = self._change(now, subscription, status, started)
        if random.random() < 0.05 and "amount" in event:
            corrected = event | {"amount": round(event["amount"] * 0.9, 2)}
            if self._currency == "JPY":
                corrected["amount"] = round(corrected["amount"])
            self._found.append(corrected | {"recorded_at": (now + timedelta(days=random.uniform(2, 120))).isoformat()})
        self._life(subscription, now, term, plan, seats, interval)

    def _life(self, subscription: str, now: datetime, term: datetime, plan: str, seats: int, interval: str) -> None:
        """Changes until something ends it."""
        random = self._random
        plans = list(PLANS)
        paused = False
        while now < self._end:
            now += timedelta(days=random.uniform(10, 120), hours=random.uniform(0, 24))
            if now >= term:
                lived = self._term_ends(subscription, term, plan, seats, interval)
                if lived is None:
                    return
                now, term = lived
                continue
            chance = random.random()
            if paused:
                self._change(now, subscription, "resumed")
                paused = False
            elif chance < 0.22:
                seats = round(seats * random.uniform(1.05, 1.6)) + 1
                plan = plans[min(plans.index(plan) + random.randint(0, 1), 3)]
                self._change(now, subscription, "upgraded", self._price(plan, seats, interval))
            elif chance < 0.32:
                seats = max(1, round(seats * random.uniform(0.5, 0.95)))
                self._change(now, subscription, "downgraded", self._price(plan, seats, interval))
            elif chance < 0.36:
                self._change(now, subscription, "paused")
                paused = True
            elif chance < 0.4:
                self._change(
                    now,
                    subscription,
                    random.choice(("refunded", "one_off", "tax", "usage_charged")),
                    {"amount": 99, "currency": CURRENCY},
                )
            elif chance < 0.46:
                again = self._wants_to_leave(subscription, now, term, plan, seats, interval)
                if again is None:
                    return
                now, term = again
            elif chance < 0.47 and self._number + 1 < self._accounts:
                self._change(now, subscription, "moved", {"moved_to": _account_id(self._number + 1)})
                self._account = _account_id(self._number + 1)
            elif chance < 0.48:
                moment = now.replace(hour=9)
                self._change(moment, subscription, "upgraded", self._price(plan, seats + 5, interval))
                self._change(moment + timedelta(hours=3), subscription, "cancelled", {"reason": "price"})
                return
        return

    def _term_ends(
        self, subscription: str, term: datetime, plan: str, seats: int, interval: str
    ) -> tuple[datetime, datetime] | None:
        """Renewed early, in time or late; ended by word, or unsaid. The moment and the new term's end, or None."""
        random = self._random
        chance = random.random()
        following = term + timedelta(days=365)
        renewed = {"term_end": following.isoformat()} | self._price(plan, seats, interval)
        if chance < 0.15:
            moment = term - timedelta(days=random.uniform(1, 9))
        elif chance < 0.65:
            moment = term + timedelta(hours=random.uniform(0, 12))
        elif chance < 0.75:
            moment = term + timedelta(days=random.uniform(2, 29))
        elif chance < 0.8:
            moment = term + timedelta(days=random.uniform(40, 150))
        elif chance < 0.9:
            self._change(
                term - timedelta(days=random.uniform(20, 80)),
                subscription,
                "cancelled",
                {"effective_at": term.isoformat(), "reason": "value"},
            )
            if random.random() > 0.3:
                return None
            self._change(term - timedelta(days=random.uniform(2, 15)), subscription, "cancellation_withdrawn")
            moment = term
        elif chance < 0.95:
            self._change(
                term + timedelta(days=random.uniform(1, 20)),
                subscription,
                "cancelled",
                {"involuntary": True, "reason": "card"},
            )
            return None
        else:
            return None
        self._change(moment, subscription, "renewed", renewed)
        return max(moment, term), following

    def _wants_to_leave(
        self, subscription: str, now: datetime, term: datetime, plan: str, seats: int, interval: str
    ) -> tuple[datetime, datetime] | None:
        """A request, perhaps repeated; withdrawn, forgotten, or followed by the end, and perhaps by a return."""
        random = self._random
        self._change(now, subscription, "cancellation_requested", {"reason": "price"})
        if random.random() < 0.3:
            self._change(now + timedelta(days=2), subscription, "cancellation_requested", {"reason": "price"})
        chance = random.random()
        if chance < 0.35:
            self._change(now + timedelta(days=random.uniform(3, 30)), subscription, "cancellation_withdrawn")
            return now + timedelta(days=31), term
        if chance < 0.5:
            return now + timedelta(days=95), term
        end = now + timedelta(days=random.uniform(3, 60))
        self._change(end, subscription, "cancelled", {"reason": "price", "involuntary": random.random() < 0.1})
        if random.random() < 0.7:
            return None
        back = end + timedelta(days=random.uniform(0, 200))
        following = back + timedelta(days=365)
        self._change(
            back, subscription, "reactivated", {"term_end": following.isoformat()} | self._price(plan, seats, interval)
        )
        return back, following

    def _played(self, first: datetime) -> None:
        """Plays, now and then; of a random of their own, so that nothing else depends on them."""
        random = Random(f"{self._number}/plays")  # noqa: S311 (made-up data)
        now = first
        while (now := now + timedelta(days=random.uniform(60, 900))) < self._end:
            self._add("touchpoint", now, {"kind": "play", "play": random.choice(PLAYS), "owner": self._owner})

    def _billed(self, first: datetime) -> None:
        """Now and then half of what is known of it came under billing's own id, which was linked later."""
        random = Random(f"{self._number}/billed")  # noqa: S311 (made-up data)
        if random.random() < 0.95:
            return
        account, alias = _account_id(self._number), f"cus_{self._number:05}"
        theirs = {event["event_id"] for event in self._found if random.random() < 0.5}  # a correction as the corrected
        for event in self._found:
            if event["account_id"] == account and event["event_id"] in theirs and event["type"] != "account":
                event["account_id"] = alias
        self._account = account
        self._add("account", first + (self._end - first) * random.random(), {"aliases": [alias]})

    def _looked_after(self, first: datetime) -> None:
        """Calls and mails, answers, tickets, and now and then a word for us."""
        random = self._random
        now = first
        while now < self._end:
            now += timedelta(days=random.uniform(15, 90))
            kind = random.choices(
                ("call", "email", "qbr", "training", "meeting", "webinar", "review", "reference", "case_study"),
                (8, 8, 3, 3, 2, 2, 1, 1, 1),
            )[0]
            self._add("touchpoint", now, {"kind": kind, "owner": self._owner})
            if random.random() < 0.3:
                survey, most = random.choice((("nps", 10), ("csat", 5)))
                user = f"{self._account}-u{random.randint(1, 5)}"
                self._add("survey", now, {"user_id": user, "survey": survey, "score": random.randint(most - 5, most)})
            if random.random() < 0.4:
                ticket = f"{self._account}-t{self._count}"
                self._add("ticket", now, {"ticket_id": ticket, "status": "opened", "category": "bug"})
                if random.random() < 0.2:
                    self._add("ticket", now + timedelta(days=1), {"ticket_id": ticket, "status": "escalated"})
            if random.random() < 0.03:
                won = (
                    {"amount": random.randint(1, 90) * 100, "currency": self._currency} if random.random() < 0.5 else {}
                )
                self._add("referral", now, {"referred": f"prospect-{self._number}-{self._count}"} | won)
