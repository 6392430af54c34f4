"""The portfolio's figures a second time, in SQLite and by other means: every day of every account, one after the other.

Nothing of the portfolio's code is used. Subscriptions are walked by a recursive query; what they are worth is laid out
on a grid of days; movements are differences between neighbouring days, and the effect of rates is summed day by day
instead of being what is left over. Slow, and simple enough to be checked by eye.
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

Event = dict[str, Any]
Key = tuple[str, str, str | None]  # figure, period, group

GRACE: Final = 30
NEVER: Final = 3_000_000
_RANKS: Final = [
    "trial_started",
    "started",
    "trial_converted",
    "reactivated",
    "renewed",
    "resumed",
    "upgraded",
    "downgraded",
    "paused",
    "cancellation_requested",
    "cancellation_withdrawn",
    "trial_expired",
    "cancelled",
    "moved",
    "changed",
]
_DIGITS: Final = {"JPY": 0}
_BEGIN: Final = "('started', 'trial_converted', 'reactivated', 'renewed')"
_HEARD_LATE: Final = (
    "('renewed', 'resumed', 'upgraded', 'downgraded', 'changed', 'cancellation_requested', 'cancellation_withdrawn')"
)


class Oracle:
    """All figures of a company whose currency is EUR.

    Args:
        events: as they were recorded, in order; of two with one event_id the later one counts.
        zone: in which its days lie.
        today: the last day that is known.
        margin: the gross margin, for the lifetime value.
    """

    def __init__(self, events: Iterable[Event], zone: str, today: date, margin: float = 0.8) -> None:
        self._margin = margin
        self._zone = ZoneInfo(zone)
        self.today = self._number(today)
        self.db = sqlite3.connect(":memory:")
        self.db.execute("CREATE TABLE closed (account, day, mau, seats, score, value_days, PRIMARY KEY (account, day))")
        latest: dict[str, Event] = {}
        for event in events:
            if event["type"] == "account_day":
                self._close(event)
            else:
                latest[event["event_id"]] = event
        owner = {
            alias: event["account_id"] for event in latest.values() for alias in event.get("aliases", ())
        }  # from the beginning
        self._events = [
            each | {"account_id": owner.get(each["account_id"], each["account_id"])} if "account_id" in each else each
            for each in latest.values()
        ]
        self._rates = _rates(event for event in self._events if event["type"] == "rate")
        self._laid_out: tuple[Any, ...] = ()
        self.db.create_function("worth", 3, self._worth, deterministic=True)
        self.db.create_function("rated", 2, lambda *at: self._rate(*at) is not None, deterministic=True)
        self.db.create_aggregate("middle", 1, _Middle)  # type: ignore[arg-type]
        self.db.create_function("twelfth", 1, lambda minor: round(Fraction(minor, 12)), deterministic=True)
        self._load()
        self.db.executescript(_WALK)
        self.db.executescript(_SPANS)
        self._intervals()

    def figures(
        self, periods: Sequence[tuple[str, date, date]], by: str | None, today: date | None = None
    ) -> dict[Key, float | None]:
        """Everything, by period (name, first day, day after the last) and group; today: another last day."""
        if today is not None:
            self.today = self._number(today)
        self.db.executescript("DROP TABLE IF EXISTS p; CREATE TABLE p (name, first, after)")
        months: dict[str, float] = {}
        for name, first, after in periods:
            if self._number(first) <= self.today:
                end = min(self._number(after), self.today + 1)
                is_over = end == self._number(after)
                months[name] = (3 if "Q" in name else 1) if is_over else (end - self._number(first)) / 30.4375
                self.db.execute("INSERT INTO p VALUES (?, ?, ?)", (name, self._number(first), end))
        unit = "account || '|' || product" if by == "product" else "account"
        if self._laid_out != (unit, self.today, *periods):
            self.db.executescript(_GRID.format(unit=unit))
            self._laid_out = (unit, self.today, *periods)
        self.db.executescript(_GROUPS[by])
        found: dict[Key, float | None] = {}
        for id_, sql in _FIGURES.items():
            if (by == "product" and id_ not in _BY_PRODUCT) or by not in _COSTS_BY.get(id_, (by,)):
                continue
            span_unit = "x.account || '|' || x.product" if by == "product" else "x.account"
            spent = _SPENT.format(kind=_KIND_OF.get(id_), by="NULL" if by is None else by)
            for period, group, value in self.db.execute(sql.format(today=self.today, span_unit=span_unit, spent=spent)):
                found[id_, period, group] = value
        for id_, sql in _MEDIANS.items() if by != "product" else ():
            values: dict[tuple[str, str | None], list[float]] = {}
            for period, group, value in self.db.execute(sql.format(today=self.today)):
                values.setdefault((period, group), []).append(value)
            found |= {(id_, *key): median(each) for key, each in values.items()}
        self._lifetime(found, by, months)
        return found

    def _lifetime(self, found: dict[Key, float | None], by: str | None, months: dict[str, float]) -> None:
        """What is made of other figures."""
        for name, group in {key[1:] for key in found if key[0] in ("arpa", "revenue_churn", "purchases_per_year")}:
            arpa, churn = found.get(("arpa", name, group)), found.get(("revenue_churn", name, group))
            clv = arpa * self._margin / (churn / months[name]) if arpa is not None and churn else None
            found["clv", name, group] = clv
            bought = found.get(("purchases_per_year", name, group))
            years = found.get(("retention_years", name, group))
            found["clv_purchases", name, group] = None if bought is None or years is None else bought * years
            if by in _COSTS_BY["cac"]:
                cac = found.get(("cac", name, group))
                found["clv_cac_gap", name, group] = None if clv is None or cac is None else clv - cac
                found["clv_cac_ratio", name, group] = clv / cac if clv is not None and cac else None

    def _number(self, day: date) -> int:
        return (day - date(1970, 1, 1)).days

    def _day(self, text: Any) -> int:
        return self._number(datetime.fromisoformat(text).astimezone(self._zone).date())

    def _worth(self, minor: int, currency: str, day: int) -> int:
        """Minor units of a currency in cents at a day's rate."""
        return _converted(minor, currency, self._rate(currency, day))

    def _rate(self, currency: str, day: int) -> Fraction | None:
        if currency == "EUR":
            return Fraction(1)
        days, rates = self._rates.get(currency, ([], []))
        index = bisect_right(days, day)
        return rates[index - 1] if index else None

    def _load(self) -> None:
        self.db.executescript(
            """
            CREATE TABLE changes (sub, home, day, rank, said, id, status, gross, discount, currency, product, plan,
                campaign, term, involuntary, silent, ends);
            CREATE TABLE profile (account, day, at, segment, owner, stage);
            CREATE TABLE touch (account, day, kind);
            CREATE TABLE answer (account, day, user, survey, score, at);
            CREATE TABLE ticket (account, ticket, day, escalated);
            CREATE TABLE referral (account, day, minor);
            CREATE TABLE cost (kind, campaign, owner, day, minor_per_day);
            CREATE INDEX profile_by ON profile (account, at);
            CREATE INDEX touch_by ON touch (account, day);
            CREATE INDEX closed_by ON closed (day, account);
            """
        )
        subscriptions = [event for event in self._events if event["type"] == "subscription"]
        homes = {}
        for event in sorted(subscriptions, key=lambda each: each["timestamp"]):
            if event["status"] == "moved":
                homes[event["subscription_id"]] = event["moved_to"]
        of: dict[str, list[Event]] = {}
        for event in subscriptions:
            if event["status"] in _RANKS:
                of.setdefault(event["subscription_id"], []).append(event)
        for subscription, changes in of.items():
            home = homes.get(subscription, changes[0]["account_id"])
            for change in changes:
                self._change(subscription, home, change, changes)
        for event in self._events:
            self._other(event)

    def _change(self, subscription: str, home: Any, change: Event, others: list[Event]) -> None:
        said, effective = change["timestamp"], change.get("effective_at", change["timestamp"])
        status, gross = change["status"], None
        currency = change.get("currency")
        if "amount" in change:
            gross = _annual(str(change["amount"]), change.get("interval", "month"), currency or "EUR")
        elif "mrr" in change:
            gross, currency = _annual(str(change["mrr"]), "month", currency or "EUR"), currency or "EUR"
        term = change.get("term_end")
        row = (
            *(gross, change.get("discount"), currency, change.get("product"), change.get("plan")),
            change.get("campaign"),
            *(None if term is None else self._day(term), bool(change.get("involuntary"))),
        )
        insert = "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        taken_back = status == "cancelled" and any(
            other["status"] in ("cancellation_withdrawn", "renewed", "reactivated", "started", "trial_converted")
            and said < other["timestamp"] < effective
            and str(other.get("effective_at", other["timestamp"])) <= str(effective)
            for other in others
        )
        if status == "cancelled" and effective > said:
            if not change.get("involuntary"):
                asked = "cancellation_requested"
                columns = (
                    subscription,
                    home,
                    self._day(said),
                    f"{said} {_RANKS.index(asked):02}",
                    said,
                    change["event_id"],
                )
                self.db.execute(insert, (*columns, asked, *row, True, not taken_back))
            if taken_back:
                return
        columns = (
            *(subscription, home, self._day(effective), f"{effective} {_RANKS.index(status):02}", said),
            change["event_id"],
        )
        self.db.execute(insert, (*columns, status, *row, False, False))

    def _other(self, event: Event) -> None:
        account, at = event.get("account_id"), event["timestamp"]
        match event["type"]:
            case "account":
                told = (event.get("segment"), event.get("owner"), event.get("lifecycle_stage"))
                row: tuple[Any, ...] = (account, self._day(at), at, *told)
                self.db.execute("INSERT INTO profile VALUES (?, ?, ?, ?, ?, ?)", row)
            case "touchpoint":
                self.db.execute("INSERT INTO touch VALUES (?, ?, ?)", (account, self._day(at), event["kind"]))
            case "survey":
                row = (account, self._day(at), event["user_id"], event["survey"], event["score"], at)
                self.db.execute("INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?)", row)
            case "ticket":
                row = (account, event["ticket_id"], self._day(at), event["status"] == "escalated")
                self.db.execute("INSERT INTO ticket VALUES (?, ?, ?, ?)", row)
            case "referral":
                won = None
                if "amount" in event:
                    minor = _minor(Fraction(str(event["amount"])), event["currency"])
                    won = self._worth(minor, event["currency"], self._day(at))
                self.db.execute("INSERT INTO referral VALUES (?, ?, ?)", (account, self._day(at), won))
            case "cost":
                self._cost(event)

    def _close(self, event: Event) -> None:
        """An account's day; a later version of it takes the place of an earlier one."""
        day = self._number(date.fromisoformat(event["day"]))
        row = (event.get("mau"), event.get("seats"), event.get("score"), event.get("time_to_first_value_days"))
        self.db.execute("INSERT OR REPLACE INTO closed VALUES (?, ?, ?, ?, ?, ?)", (event["account_id"], day, *row))

    def _cost(self, event: Event) -> None:
        """A share for each day of the month or quarter."""
        year, part = event["period"].split("-")
        months = 3 if part.startswith("Q") else 1
        month = (int(part[1:]) - 1) * 3 + 1 if months == 3 else int(part)
        first = date(int(year), month, 1)
        after = (first + timedelta(days=31 * months)).replace(day=1)
        minor = None
        if self._rate(event["currency"], self._number(first)) is not None:
            paid = _minor(Fraction(str(event["amount"])), event["currency"])
            minor = self._worth(paid, event["currency"], self._number(first))
        for day in range(self._number(first), self._number(after)):
            row = (
                event["kind"],
                event.get("campaign"),
                event.get("owner"),
                day,
                minor and minor / (after - first).days,
            )
            self.db.execute("INSERT INTO cost VALUES (?, ?, ?, ?, ?)", row)

    def _intervals(self) -> None:
        """What each span is worth a year: its price less its discount, nothing while paused."""
        self.db.create_function("net", 2, _net, deterministic=True)
        self.db.executescript("UPDATE spans SET arr = CASE WHEN state = 'p' THEN 0 ELSE net(gross, discount) END")


# Sums in whole minor units and counts are the same to the last one.
EXACT: Final = frozenset(
    [
        *("arr", "mrr", "opening_arr", "accounts", "new", "reactivation", "expansion", "contraction", "churn", "fx"),
        *("paused", "involuntary_churn", "gross_upsell", "cross_sell", "new_accounts", "churned_accounts"),
        *("undecided_renewals", "open_requests", "promoters", "referrals", "referred_revenue", "references", "reviews"),
        *("case_studies", "call_count", "email_count", "meeting_count", "onsite_count", "qbr_count", "training_count"),
        "webinar_count",
    ]
)
# What a part of a period cost is told in whole minor units, so that the parts add up.
_OF_COSTS: Final = frozenset(["cac", "crc", "clv_cac_gap", "clv_cac_ratio"])


def agrees(figure: str, ours: float | None, theirs: float | None) -> bool:
    """Whether a value of the portfolio is that of the oracle; money in minor units, None: nothing was told."""
    if figure in EXACT:
        return (ours or 0) == (theirs or 0)
    if ours is None or theirs is None:
        return ours is theirs
    near = 1e-5 if figure in _OF_COSTS else 1e-9
    return abs(ours - theirs) <= max(1e-9, near * abs(theirs), 1 if figure == "revenue" else 0)


class _Middle:
    """The median of a group."""

    def __init__(self) -> None:
        self._values: list[float] = []

    def step(self, value: float) -> None:
        self._values.append(value)

    def finalize(self) -> float:
        return median(self._values)


def _rates(events: Iterable[Event]) -> dict[str, tuple[list[int], list[Fraction]]]:
    found: dict[str, dict[int, Fraction]] = {}
    for event in events:
        day = (date.fromisoformat(event["date"]) - date(1970, 1, 1)).days
        found.setdefault(event["currency"], {})[day] = Fraction(event["rate"])
    return {currency: (sorted(days), [days[day] for day in sorted(days)]) for currency, days in found.items()}


def _minor(amount: Fraction, currency: str) -> int:
    return round(amount * Fraction(10 ** _DIGITS.get(currency, 2)))  # a Fraction rounds half to even


def _annual(amount: str, interval: str, currency: str) -> int:
    return _minor(Fraction(amount) * {"month": 12, "quarter": 4, "year": 1}[interval], currency)


def _net(gross: int, discount: float | None) -> int:
    return round(gross * (1 - Fraction(str(discount or 0))))


@lru_cache(maxsize=1 << 20)
def _converted(minor: int, currency: str, rate: Fraction | None) -> int:
    if rate is None:
        return 0
    return round(Fraction(minor, 10 ** _DIGITS.get(currency, 2)) * rate * 100)


# w: the state after a change, s: the next change. What time does in between comes first.
_LAPSED: Final = f"(w.state IN ('a', 'p') AND w.term IS NOT NULL AND w.term + {GRACE + 1} <= s.day)"
_SURVIVED: Final = (
    f"(w.req IS NOT NULL AND NOT w.ends AND w.req + 90 < min(s.day, coalesce(w.term, {NEVER}) + {GRACE + 1}))"
)
_BEFORE: Final = (
    f"CASE WHEN w.state = 't' AND w.trial_end < s.day THEN 'e' WHEN {_LAPSED} THEN 'e' "
    f"WHEN w.state = 'n' AND s.status IN {_HEARD_LATE} THEN 'a' ELSE w.state END"
)
_RUNS: Final = f"({_BEFORE}) IN ('a', 'p')"
_REQ: Final = f"CASE WHEN {_LAPSED} OR {_SURVIVED} THEN NULL ELSE w.req END"
_TERM: Final = f"CASE WHEN {_LAPSED} THEN NULL ELSE w.term END"
_FRESH: Final = "CASE WHEN s.term > s.day THEN s.term END"

_WALK: Final = f"""
CREATE TABLE seq AS SELECT *, row_number() OVER (PARTITION BY sub ORDER BY rank, said, id) AS n FROM changes;
CREATE INDEX seq_by ON seq (sub, n);
CREATE TABLE walk AS
WITH RECURSIVE w AS (
    SELECT DISTINCT sub, home, 0 AS n, -1000000 AS day, 'n' AS state, 0 AS gross, NULL AS discount, 'EUR' AS currency,
        NULL AS product, NULL AS plan, NULL AS campaign, NULL AS term, NULL AS trial_end,
        NULL AS req, NULL AS req_said, 0 AS ends, 0 AS trial_day
    FROM changes
    UNION ALL
    SELECT s.sub, s.home, s.n, s.day,
        CASE s.status
            WHEN 'trial_started' THEN CASE WHEN ({_BEFORE}) IN ('n', 'e') THEN 't' ELSE {_BEFORE} END
            WHEN 'started' THEN 'a' WHEN 'trial_converted' THEN 'a' WHEN 'reactivated' THEN 'a'
            WHEN 'renewed' THEN CASE WHEN ({_BEFORE}) = 'p' THEN 'p' ELSE 'a' END
            WHEN 'paused' THEN CASE WHEN ({_BEFORE}) IN ('n', 'a') THEN 'p' ELSE {_BEFORE} END
            WHEN 'resumed' THEN CASE WHEN ({_BEFORE}) = 'p' THEN 'a' ELSE {_BEFORE} END
            WHEN 'trial_expired' THEN CASE WHEN ({_BEFORE}) = 't' THEN 'e' ELSE {_BEFORE} END
            WHEN 'cancelled' THEN CASE WHEN ({_BEFORE}) = 'n' THEN 'n' ELSE 'e' END
            ELSE {_BEFORE} END,
        CASE WHEN s.silent OR s.gross IS NULL THEN w.gross ELSE s.gross END,
        CASE WHEN s.silent THEN w.discount WHEN s.discount IS NOT NULL THEN s.discount
            WHEN s.gross IS NOT NULL THEN NULL ELSE w.discount END,
        CASE WHEN s.silent OR s.gross IS NULL THEN w.currency ELSE s.currency END,
        CASE WHEN s.silent THEN w.product ELSE coalesce(s.product, w.product) END,
        CASE WHEN s.silent THEN w.plan ELSE coalesce(s.plan, w.plan) END,
        CASE WHEN s.silent THEN w.campaign ELSE coalesce(w.campaign, s.campaign) END,
        CASE
            WHEN s.status = 'cancelled' THEN NULL
            WHEN s.status = 'renewed' AND {_RUNS} THEN {_FRESH}
            WHEN s.status IN {_BEGIN} OR (s.status IN ('upgraded', 'downgraded', 'changed') AND {_RUNS}) THEN CASE
                WHEN s.term IS NULL THEN {_TERM}
                WHEN ({_TERM}) IS NULL THEN {_FRESH}
                WHEN s.status IN ('upgraded', 'downgraded', 'changed') AND ({_TERM}) < s.day THEN {_FRESH}
                ELSE s.term END
            ELSE {_TERM} END,
        CASE WHEN s.status = 'trial_started' AND ({_BEFORE}) IN ('n', 'e') THEN coalesce(s.term, {NEVER})
            ELSE w.trial_end END,
        CASE
            WHEN s.status = 'cancellation_requested' AND {_RUNS} AND ({_REQ}) IS NULL THEN s.day
            WHEN s.status = 'cancelled' AND {_RUNS} THEN NULL
            WHEN (s.status IN {_BEGIN} OR s.status = 'cancellation_withdrawn') AND s.said >= w.req_said THEN NULL
            ELSE {_REQ} END,
        CASE WHEN s.status = 'cancellation_requested' AND {_RUNS} AND ({_REQ}) IS NULL THEN s.said ELSE w.req_said END,
        CASE WHEN s.ends THEN 1 WHEN {_LAPSED} OR (s.status = 'cancelled' AND {_RUNS}) THEN 0 ELSE w.ends END,
        CASE WHEN s.status = 'trial_started' AND ({_BEFORE}) IN ('n', 'e') THEN s.day ELSE w.trial_day END
    FROM w JOIN seq s ON s.sub = w.sub AND s.n = w.n + 1
)
SELECT * FROM w;
CREATE INDEX walk_by ON walk (sub, n);
CREATE TABLE steps AS
SELECT w.*, coalesce(s.day, {NEVER}) AS next_day, coalesce(s.status, '') AS next_status,
    s.involuntary AS next_involuntary, s.said AS next_said
FROM walk w LEFT JOIN seq s ON s.sub = w.sub AND s.n = w.n + 1;
"""

_SPANS: Final = f"""
CREATE TABLE spans AS
SELECT sub, home AS account, coalesce(product, '') AS product, plan, campaign, currency, gross, discount, state,
    0 AS arr, day AS first,
    CASE WHEN term IS NULL THEN next_day ELSE min(next_day, term + {GRACE + 1}) END AS after,
    next_status = 'cancelled' AND next_involuntary AND (term IS NULL OR term + {GRACE + 1} > next_day) AS involuntary
FROM steps WHERE state IN ('a', 'p');
DELETE FROM spans WHERE first >= after;
CREATE TABLE term AS
SELECT sub, home AS account, coalesce(product, '') AS product, currency, gross, discount, state, term AS end_day,
    CASE WHEN term + {GRACE + 1} <= next_day THEN term + {GRACE + 1} ELSE next_day END AS decided,
    term + {GRACE + 1} > next_day AND next_status = 'renewed' AS renewed
FROM steps WHERE state IN ('a', 'p') AND term IS NOT NULL
    AND (term + {GRACE + 1} <= next_day OR next_status IN ('renewed', 'cancelled'))
UNION ALL
SELECT sub, home, coalesce(product, ''), currency, CASE WHEN state = 'p' THEN 0 ELSE gross END, discount, state,
    next_day, next_day, 1
FROM steps WHERE state IN ('a', 'p') AND term IS NULL AND next_status = 'renewed';
CREATE TABLE request AS
SELECT sub, home AS account, req AS day,
    CASE WHEN NOT ends AND req + 90 < min(next_day, lapse) THEN req + 90 ELSE min(next_day, lapse) END AS decided,
    (NOT ends AND req + 90 < min(next_day, lapse)) OR (next_day < lapse AND next_status <> 'cancelled') AS saved
FROM (SELECT *, coalesce(term, {NEVER}) + {GRACE + 1} AS lapse FROM steps)
WHERE req IS NOT NULL AND ((NOT ends AND req + 90 < min(next_day, lapse)) OR lapse <= next_day
    OR next_status = 'cancelled'
    OR ((next_status IN {_BEGIN} OR next_status = 'cancellation_withdrawn') AND next_said >= req_said))
UNION ALL
SELECT sub, home, next_day, next_day, 0 FROM steps
WHERE next_status = 'cancelled' AND NOT next_involuntary AND state IN ('a', 'p')
    AND (term IS NULL OR term + {GRACE + 1} > next_day)
    AND (req IS NULL OR (NOT ends AND req + 90 < next_day));
CREATE INDEX steps_by ON steps (sub, n);
CREATE TABLE trial AS
SELECT sub, home AS account, trial_day AS day,
    (SELECT min(u.next_day) FROM steps u WHERE u.sub = t.sub AND u.n > t.n AND u.next_status = 'upgraded'
        AND u.state IN ('a', 'p') AND (u.term IS NULL OR u.term + {GRACE + 1} > u.next_day)) AS upsell,
    CASE WHEN trial_end < next_day THEN trial_end ELSE next_day END AS ended,
    trial_end >= next_day AND next_status IN {_BEGIN} AS converted
FROM steps t WHERE state = 't' AND (trial_end < next_day OR next_status IN ('trial_expired', 'cancelled') OR
    next_status IN {_BEGIN});
CREATE TABLE won AS SELECT account, campaign, day FROM (
    SELECT home AS account, campaign, trial_day AS day FROM steps WHERE state = 't'
    UNION ALL SELECT account, campaign, first FROM spans
);
CREATE INDEX won_by ON won (account, day);
CREATE INDEX term_by ON term (account);
CREATE INDEX term_by_product ON term (account || '|' || product);
CREATE TABLE incident AS SELECT account, ticket, min(day) AS day, max(escalated) AS escalated FROM ticket GROUP BY 1, 2;
CREATE INDEX incident_by ON incident (account, day);
CREATE TABLE known AS SELECT account FROM profile UNION SELECT account FROM closed;
CREATE INDEX spans_by ON spans (account, first);
"""

_GRID: Final = """
DROP TABLE IF EXISTS grid; DROP TABLE IF EXISTS moves; DROP TABLE IF EXISTS held; DROP TABLE IF EXISTS days;
DROP TABLE IF EXISTS own; DROP TABLE IF EXISTS joined; DROP TABLE IF EXISTS piece; DROP TABLE IF EXISTS blind;
CREATE TABLE days AS WITH RECURSIVE d (day) AS (
    SELECT min(first) - 1 FROM p UNION ALL SELECT day + 1 FROM d WHERE day + 1 < (SELECT max(after) FROM p)
) SELECT day FROM d;
CREATE TABLE own AS SELECT *, {unit} AS unit FROM spans;
-- Of whom something is held on a day without a rate, in a period or on the eve of it.
CREATE TABLE blind AS SELECT DISTINCT p.name, o.unit FROM p JOIN own o ON o.first < p.after AND o.after >= p.first
WHERE o.arr <> 0 AND NOT rated(o.currency, max(o.first, p.first - 1));
CREATE INDEX blind_by ON blind (name, unit);
CREATE TABLE joined AS SELECT unit, min(first) AS day FROM own GROUP BY unit;
-- Days as a customer, each once.
CREATE TABLE piece AS SELECT unit, max(first, coalesce(seen, first)) AS first, after FROM (
    SELECT unit, first, after, max(after) OVER (PARTITION BY unit ORDER BY first, after
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS seen FROM own
) WHERE after > coalesce(seen, first);
CREATE TABLE held AS
SELECT o.unit, o.account, d.day,
    sum(CASE o.currency WHEN 'EUR' THEN o.arr ELSE worth(o.arr, o.currency, d.day) END) AS today,
    sum(CASE o.currency WHEN 'EUR' THEN o.arr ELSE worth(o.arr, o.currency, d.day + 1) END) AS carried,
    count(DISTINCT nullif(o.product, '')) AS products,
    max(o.involuntary AND o.after = d.day + 1) AS failed
FROM own o JOIN days d ON d.day >= o.first AND d.day < o.after GROUP BY o.unit, o.account, d.day;
CREATE INDEX held_by ON held (unit, day);
CREATE INDEX own_by ON own (unit, first);
CREATE INDEX joined_by ON joined (unit);
CREATE TABLE moves AS SELECT * FROM (
SELECT t.unit, t.account, t.day, coalesce(y.carried, 0) AS before, t.today AS after, y.unit IS NOT NULL AS was,
    1 AS is_, coalesce(y.carried - y.today, 0) AS fx, 0 AS failed
FROM held t LEFT JOIN held y ON y.unit = t.unit AND y.day = t.day - 1
WHERE t.day > (SELECT min(day) FROM days)
UNION ALL
SELECT y.unit, y.account, y.day + 1, y.carried, 0, 1, 0, y.carried - y.today, y.failed
FROM held y LEFT JOIN held t ON t.unit = y.unit AND t.day = y.day + 1
WHERE t.unit IS NULL AND y.day < (SELECT max(day) FROM days)
) WHERE before <> after OR was <> is_ OR fx <> 0;  -- most days move nothing
CREATE INDEX moves_by ON moves (unit, day);
CREATE TABLE IF NOT EXISTS grid AS SELECT p.name, u.unit, u.account,
    s.unit IS NOT NULL AS was, e.unit IS NOT NULL AS is_, b.unit IS NOT NULL AS blind,
    CASE WHEN b.unit IS NULL THEN coalesce(s.today, 0) ELSE 0 END AS start,
    CASE WHEN b.unit IS NULL THEN coalesce(e.today, 0) ELSE 0 END AS stop,
    coalesce(e.products, 0) AS products,
    EXISTS (SELECT 1 FROM own o WHERE o.unit = u.unit AND o.first < p.after AND o.after >= p.first) AS present
FROM p JOIN (SELECT DISTINCT unit, account FROM own) u
LEFT JOIN held s ON s.unit = u.unit AND s.day = p.first - 1
LEFT JOIN held e ON e.unit = u.unit AND e.day = p.after - 1
LEFT JOIN blind b ON b.name = p.name AND b.unit = u.unit;
"""

_GROUP_TABLE: Final = """
DROP TABLE IF EXISTS grp;
CREATE TABLE grp AS SELECT p.name, u.unit, u.account, ({sql}) AS g, ({owner}) AS owner
FROM p JOIN (
    SELECT DISTINCT unit, account FROM own
    UNION SELECT account, account FROM known WHERE {others}
) u;
CREATE INDEX grp_by ON grp (name, unit);
"""


def _as_it_was(column: str) -> str:
    """The newest value told before the period's first day, else the first one ever told."""
    return f"""coalesce(
        (SELECT {column} FROM profile f WHERE f.account = u.account AND {column} IS NOT NULL AND f.day < p.first
            ORDER BY at DESC LIMIT 1),
        (SELECT {column} FROM profile f WHERE f.account = u.account AND {column} IS NOT NULL ORDER BY at LIMIT 1))"""


def _grouped(sql: str, others: str = "1") -> str:
    return _GROUP_TABLE.format(sql=sql, others=others, owner=_as_it_was("owner"))


_GROUPS: Final[dict[str | None, str]] = {
    None: _grouped("NULL"),
    "segment": _grouped(_as_it_was("segment")),
    "owner": _grouped(_as_it_was("owner")),
    "stage": _grouped(_as_it_was("stage")),
    "plan": _grouped(
        "SELECT plan FROM (SELECT plan, arr, sub, CASE WHEN s.first < p.first THEN p.first - 1 ELSE s.first END AS day "
        "FROM spans s WHERE s.account = u.account AND s.first < p.after AND s.after >= p.first) "
        "ORDER BY day, arr DESC, sub LIMIT 1"
    ),
    "product": _grouped("substr(u.unit, instr(u.unit, '|') + 1)", others="0"),
    "campaign": _grouped(
        "SELECT campaign FROM won w WHERE w.account = u.account ORDER BY day, campaign IS NULL, campaign LIMIT 1"
    ),
    "cohort": _grouped(
        "SELECT strftime('%Y', j.day * 86400, 'unixepoch') || CASE WHEN instr(p.name, 'Q') THEN '-Q' || "
        "((strftime('%m', j.day * 86400, 'unixepoch') + 2) / 3) ELSE strftime('-%m', j.day * 86400, 'unixepoch') END "
        "FROM joined j WHERE j.unit = u.unit"
    ),
}

_BALANCES: Final = "SELECT name, g, {} FROM grid JOIN grp USING (name, unit) GROUP BY 1, 2"
_MOVES: Final = (
    "SELECT p.name, g, {} FROM p JOIN moves m ON m.day >= p.first AND m.day < p.after "
    "JOIN joined j ON j.unit = m.unit JOIN grp ON grp.name = p.name AND grp.unit = m.unit "
    "LEFT JOIN blind b ON b.name = p.name AND b.unit = m.unit GROUP BY 1, 2"
)
_EVENTS: Final = (
    "SELECT p.name, g, {} FROM p JOIN {} x ON x.{} >= p.first AND x.{} < p.after "
    "JOIN grp ON grp.name = p.name AND grp.unit = x.account GROUP BY 1, 2"
)
_BY_SPAN: Final = (
    "SELECT p.name, g, {} FROM p JOIN term x ON x.end_day >= p.first AND x.end_day < p.after "
    "JOIN grp ON grp.name = p.name AND grp.unit = {{span_unit}} GROUP BY 1, 2"
)
_RENEWAL: Final = (
    "CASE WHEN rated(x.currency, x.end_day) THEN worth(net(x.gross, x.discount), x.currency, x.end_day) END"
)
_KIND: Final = "CASE WHEN ({}) AND b.unit IS NULL THEN abs(m.after - m.before) ELSE 0 END"
_ANSWERS: Final = (
    "(SELECT p.name AS period, a.*, row_number() OVER (PARTITION BY p.name, a.account, user, survey ORDER BY at DESC) "
    "AS nth FROM p JOIN answer a ON a.day >= p.first AND a.day < p.after)"
)
_CONTACT_KINDS: Final = ("call", "email", "meeting", "qbr", "training", "onsite", "webinar")
_PAUSED: Final = (
    "EXISTS (SELECT 1 FROM own o WHERE o.unit = m.unit AND o.state = 'p' AND o.first <= m.day AND m.day < o.after "
    "AND NOT EXISTS (SELECT 1 FROM own q WHERE q.unit = o.unit AND q.sub = o.sub AND q.state = 'p' "
    "AND q.first < m.day AND m.day <= q.after))"
)
_RESUMED: Final = (
    "EXISTS (SELECT 1 FROM own q WHERE q.unit = m.unit AND q.state = 'p' AND q.first < m.day AND m.day <= q.after "
    "AND NOT EXISTS (SELECT 1 FROM own o WHERE o.unit = q.unit AND o.sub = q.sub AND o.state = 'p' "
    "AND o.first <= m.day AND m.day < o.after))"
)
_ANOTHER: Final = (
    "EXISTS (SELECT 1 FROM own o WHERE o.unit = m.unit AND o.first <= m.day AND m.day < o.after "
    "AND NOT EXISTS (SELECT 1 FROM own q WHERE q.unit = o.unit AND q.product = o.product "
    "AND q.first < m.day AND m.day <= q.after))"
)
_GAINED: Final = "is_ AND m.after - m.before > 0 OR is_ AND NOT was"
_LOST: Final = "was AND (m.after < m.before OR NOT is_)"
_BOUGHT: Final = "(is_ AND (NOT was OR m.after > m.before))"
# What an account's last closed day in the period's last week says.
_LAST_DAY: Final = (
    "(SELECT p.name, c.account, c.mau, c.seats, c.score, row_number() OVER (PARTITION BY p.name, c.account "
    "ORDER BY c.day DESC) AS nth FROM p JOIN closed c ON c.day >= max(p.first, p.after - 7) AND c.day < p.after)"
)
_BY_DAYS: Final = (
    f"SELECT x.name, g, {{}} FROM {_LAST_DAY} x JOIN grp ON grp.name = x.name AND grp.unit = x.account "
    "WHERE nth = 1 GROUP BY 1, 2"
)
_BEGUN: Final = (
    "(SELECT s.account, min(s.first) AS day, (SELECT value_days FROM closed c WHERE c.account = s.account "
    "AND value_days IS NOT NULL ORDER BY c.day DESC LIMIT 1) AS value_days FROM spans s GROUP BY s.account)"
)
_CONTACTS: Final = "('call', 'email', 'meeting', 'qbr', 'training', 'onsite', 'webinar')"

_FIGURES: Final = {
    "arr": _BALANCES.format("sum(stop)"),
    "opening_arr": _BALANCES.format("sum(start)"),
    "accounts": _BALANCES.format("sum(is_)"),
    "nrr": _BALANCES.format("1.0 * sum(was * stop) / nullif(sum(start), 0)"),
    "grr": _BALANCES.format("1.0 * sum(was * min(start, stop)) / nullif(sum(start), 0)"),
    "revenue_churn": _BALANCES.format("1.0 * sum(start * (NOT is_)) / nullif(sum(start), 0)"),
    "logo_churn": _BALANCES.format("1.0 * sum(was AND NOT is_) / nullif(sum(was), 0)"),
    "cross_sell_ratio": _BALANCES.format("1.0 * sum(products) / nullif(sum(is_), 0)"),
    "new": _MOVES.format("sum(" + _KIND.format("is_ AND NOT was AND j.day = m.day") + ")"),
    "reactivation": _MOVES.format("sum(" + _KIND.format("is_ AND NOT was AND j.day < m.day") + ")"),
    "expansion": _MOVES.format("sum(" + _KIND.format("is_ AND was AND m.after > m.before") + ")"),
    "contraction": _MOVES.format("sum(" + _KIND.format("is_ AND was AND m.after < m.before") + ")"),
    "churn": _MOVES.format("sum(" + _KIND.format("was AND NOT is_") + ")"),
    "involuntary_churn": _MOVES.format("sum(" + _KIND.format("was AND NOT is_ AND failed") + ")"),
    "fx": _MOVES.format("sum(CASE WHEN b.unit IS NULL THEN m.fx ELSE 0 END)"),
    "new_accounts": _MOVES.format("sum(is_ AND NOT was AND j.day = m.day)"),
    "churned_accounts": _MOVES.format("sum(was AND NOT is_)"),
    "revenue": "SELECT p.name, g, sum(today) / 365.0 FROM p JOIN held h ON h.day >= p.first AND h.day < p.after "
    "JOIN grp ON grp.name = p.name AND grp.unit = h.unit WHERE NOT EXISTS (SELECT 1 FROM blind b "
    "WHERE b.name = p.name AND b.unit = h.unit) GROUP BY 1, 2",
    "upsell_rate": "SELECT name, g, 1.0 * sum(EXISTS (SELECT 1 FROM moves m JOIN p ON p.name = grid.name WHERE "
    "m.unit = grid.unit AND is_ AND was AND m.after > m.before AND m.day >= p.first AND m.day < p.after)) "
    "/ sum(present) FROM grid JOIN grp USING (name, unit) WHERE present AND NOT blind GROUP BY 1, 2",
    "renewal_rate": _BY_SPAN.format(
        "1.0 * count(DISTINCT CASE WHEN x.renewed AND x.decided <= {today} THEN x.account END) "
        "/ nullif(count(DISTINCT CASE WHEN x.decided <= {today} THEN x.account END), 0)"
    ),
    "renewal_rate_arr": _BY_SPAN.format(
        f"1.0 * sum(CASE WHEN x.renewed AND x.decided <= {{today}} THEN {_RENEWAL} ELSE 0 END) "
        f"/ nullif(sum(CASE WHEN x.decided <= {{today}} THEN {_RENEWAL} END), 0)"
    ),
    "undecided_renewals": _BY_SPAN.format("sum(x.decided > {today})"),
    "save_rate": _EVENTS.format(
        "1.0 * sum(x.saved AND x.decided <= {today}) / nullif(sum(x.decided <= {today}), 0)", "request", "day", "day"
    ),
    "open_requests": _EVENTS.format("sum(x.decided > {today})", "request", "day", "day"),
    "trial_conversion": _EVENTS.format("1.0 * sum(x.converted) / count(*)", "trial", "ended", "ended"),
    "customer_base_coverage": "SELECT name, g, 1.0 * sum(EXISTS (SELECT 1 FROM touch t JOIN p ON p.name = grid.name "
    f"WHERE t.account = grid.account AND t.kind IN {_CONTACTS} AND t.day >= p.first AND t.day < p.after)) "
    "/ sum(present) FROM grid JOIN grp USING (name, unit) WHERE present GROUP BY 1, 2",
    "qbr_count": _EVENTS.format("sum(x.kind = 'qbr')", "touch", "day", "day"),
    "reviews": _EVENTS.format("sum(x.kind = 'review')", "touch", "day", "day"),
    "escalation_rate": _EVENTS.format("1.0 * sum(x.escalated) / count(*)", "incident", "day", "day"),
    "nps": "SELECT a.period, g, 100.0 * sum((score >= 9) - (score <= 6)) / count(*) FROM "
    f"{_ANSWERS} a JOIN grp ON grp.name = a.period AND grp.unit = a.account WHERE nth = 1 "
    "AND survey = 'nps' GROUP BY 1, 2",
    "csat": f"SELECT a.period, g, 1.0 * sum(score >= 4) / count(*) FROM {_ANSWERS} a "
    "JOIN grp ON grp.name = a.period AND grp.unit = a.account WHERE nth = 1 AND survey = 'csat' GROUP BY 1, 2",
    "mrr": _BALANCES.format("twelfth(sum(stop))"),
    "arpa": _BALANCES.format("sum(stop) / 12.0 / nullif(sum(is_ AND NOT blind), 0)"),
    "paused": _MOVES.format("sum(" + _KIND.format(f"is_ AND was AND m.after < m.before AND {_PAUSED}") + ")"),
    "gross_upsell": _MOVES.format("sum(" + _KIND.format("is_ AND was AND m.after > m.before") + ")"),
    "cross_sell": _MOVES.format(
        "sum(" + _KIND.format(f"is_ AND was AND m.after > m.before AND NOT {_RESUMED} AND {_ANOTHER}") + ")"
    ),
    "quick_ratio": _MOVES.format(f"1.0 * sum({_KIND.format(_GAINED)}) / nullif(sum({_KIND.format(_LOST)}), 0)"),
    "expansion_revenue_rate": "SELECT name, g, 1.0 * sum((SELECT coalesce(sum(m.after - m.before), 0) FROM moves m "
    "JOIN p ON p.name = grid.name WHERE m.unit = grid.unit AND m.is_ AND m.was AND m.after > m.before "
    "AND m.day >= p.first AND m.day < p.after)) / nullif(sum(stop), 0) FROM grid JOIN grp USING (name, unit) "
    "WHERE NOT blind GROUP BY 1, 2",
    "purchases_per_year": "SELECT name, g, 1.0 * (sum(bought) + sum(renewed)) / nullif(sum(days) / 365.0, 0) FROM ("
    f"SELECT p.name, g, (SELECT count(*) FROM moves m WHERE m.unit = grp.unit AND {_BOUGHT} AND m.day >= p.first "
    "AND m.day < p.after) AS bought, (SELECT count(*) FROM term x WHERE {span_unit} = grp.unit AND x.renewed "
    "AND x.decided <= {today} AND x.end_day >= p.first AND x.end_day < p.after) AS renewed, "
    "(SELECT count(*) FROM held h WHERE h.unit = grp.unit AND h.day >= p.first AND h.day < p.after) AS days "
    "FROM p JOIN grp ON grp.name = p.name WHERE NOT EXISTS (SELECT 1 FROM blind b WHERE b.name = p.name "
    "AND b.unit = grp.unit)) GROUP BY 1, 2",
    "retention_years": "SELECT p.name, g, sum(min(x.after, p.after) - x.first) / 365.0 / count(DISTINCT x.unit) "
    "FROM p JOIN piece x ON x.first < p.after JOIN grp ON grp.name = p.name AND grp.unit = x.unit GROUP BY 1, 2",
    "cac": "SELECT name, g, {spent} / nullif(sum(fresh), 0) FROM (SELECT p.name, g, EXISTS (SELECT 1 FROM moves m "
    "JOIN joined j ON j.unit = m.unit AND j.day = m.day WHERE m.unit = grp.unit AND m.is_ AND NOT m.was "
    "AND m.day >= p.first AND m.day < p.after) AS fresh FROM p JOIN grp ON grp.name = p.name) x GROUP BY 1, 2",
    "crc": "SELECT name, g, {spent} / nullif(sum(earned) / 365.0, 0) FROM (SELECT p.name, g, (SELECT sum(today) "
    "FROM held h WHERE h.unit = grp.unit AND h.day >= p.first AND h.day < p.after AND NOT EXISTS (SELECT 1 FROM blind "
    "b WHERE b.name = p.name AND b.unit = h.unit)) AS earned "
    "FROM p JOIN grp ON grp.name = p.name) x GROUP BY 1, 2",
    "revenue_per_csm": _BALANCES.format(
        "1.0 * sum(CASE WHEN owner IS NULL THEN 0 ELSE stop END) "
        "/ nullif(count(DISTINCT CASE WHEN is_ THEN owner END), 0)"
    ),
    "accounts_per_csm": _BALANCES.format(
        "1.0 * sum(is_ AND owner IS NOT NULL) / nullif(count(DISTINCT CASE WHEN is_ THEN owner END), 0)"
    ),
    **{f"{kind}_count": _EVENTS.format(f"sum(x.kind = '{kind}')", "touch", "day", "day") for kind in _CONTACT_KINDS},
    "references": _EVENTS.format("sum(x.kind = 'reference')", "touch", "day", "day"),
    "case_studies": _EVENTS.format("sum(x.kind = 'case_study')", "touch", "day", "day"),
    "support_incident_rate": "SELECT grid.name, g, 1.0 * sum((SELECT count(*) FROM "
    "incident x JOIN p ON p.name = grid.name WHERE x.account = grid.account AND x.day >= p.first "
    "AND x.day < p.after)) / sum(present) FROM grid JOIN grp USING (name, unit) WHERE present GROUP BY 1, 2",
    "promoters": f"SELECT a.period, g, sum(score >= 9) FROM {_ANSWERS} a JOIN grp ON grp.name = a.period "
    "AND grp.unit = a.account WHERE nth = 1 AND survey = 'nps' GROUP BY 1, 2",
    "active_user_rate": _BY_DAYS.format(
        "1.0 * sum(CASE WHEN mau IS NOT NULL AND seats > 0 THEN mau END) "
        "/ nullif(sum(CASE WHEN mau IS NOT NULL AND seats > 0 THEN seats END), 0)"
    ),
    "health_score": _BY_DAYS.format("1.0 * sum(score) / nullif(count(score), 0)"),
    "first_value_rate": f"SELECT p.name, g, 1.0 * count(value_days) / count(*) FROM p JOIN {_BEGUN} x "
    "ON x.day >= p.first AND x.day < p.after JOIN grp ON grp.name = p.name AND grp.unit = x.account GROUP BY 1, 2",
    "referrals": _EVENTS.format("count(*)", "referral", "day", "day"),
    "referred_revenue": _EVENTS.format("coalesce(sum(x.minor), 0)", "referral", "day", "day"),
}
# Accounts' own medians; the figure is the median of them.
_MEDIANS: Final = {
    "days_to_convert": "SELECT p.name, g, middle(x.ended - x.day) FROM p JOIN trial x ON x.ended >= p.first "
    "AND x.ended < p.after AND x.converted JOIN grp ON grp.name = p.name AND grp.unit = x.account "
    "GROUP BY p.name, g, x.account",
    "days_to_upsell": "SELECT p.name, g, middle(x.upsell - x.ended) FROM p JOIN trial x ON x.ended >= p.first "
    "AND x.ended < p.after AND x.converted AND x.upsell <= {today} JOIN grp ON grp.name = p.name "
    "AND grp.unit = x.account GROUP BY p.name, g, x.account",
    "time_to_first_value": f"SELECT p.name, g, x.value_days FROM p JOIN {_BEGUN} x ON x.day >= p.first "
    "AND x.day < p.after AND x.value_days IS NOT NULL JOIN grp ON grp.name = p.name AND grp.unit = x.account",
}
# Nothing where nobody told any cost of the period, whoever's.
_SPENT: Final = (
    "(SELECT CASE WHEN count(*) > 0 "
    "AND count(*) FILTER (WHERE minor_per_day IS NULL AND ({by} IS NULL OR {by} IS x.g)) = 0 "
    "THEN coalesce(sum(c.minor_per_day) FILTER (WHERE {by} IS NULL OR {by} IS x.g), 0) "
    "END FROM cost c JOIN p ON p.name = x.name WHERE c.kind = '{kind}' AND c.day >= p.first AND c.day < p.after)"
)
_KIND_OF: Final = {"cac": "acquisition", "crc": "customer_success"}
_COSTS_BY: Final[dict[str, tuple[str | None, ...]]] = {"cac": (None, "campaign"), "crc": (None, "owner")}
_BY_PRODUCT: Final = frozenset(
    [
        *("mrr", "arpa", "paused", "gross_upsell", "cross_sell", "quick_ratio", "expansion_revenue_rate"),
        *("purchases_per_year", "retention_years", "revenue_per_csm", "accounts_per_csm", "involuntary_churn"),
        "cross_sell_ratio",
        "arr",
        "opening_arr",
        "accounts",
        "nrr",
        "grr",
        "revenue_churn",
        "logo_churn",
        "new",
        "reactivation",
        "expansion",
        "contraction",
        "churn",
        "fx",
        "new_accounts",
        "churned_accounts",
        "revenue",
        "upsell_rate",
        "renewal_rate",
        "renewal_rate_arr",
        "undecided_renewals",
    ]
)
