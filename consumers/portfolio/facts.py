"""What each account did and was in each period: one row a period and account, which every figure sums up.

Facts come in groups, and a query joins only those that its figures need. By product, a row is one product of an
account, and only the groups that know products can be asked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from consumers.portfolio.account_revenue import MOVEMENT_KINDS
from consumers.portfolio.days import Period
from consumers.portfolio.entries import ADVOCACY_KINDS, CONTACT_KINDS
from consumers.portfolio.money import RATE_SCALE
from consumers.portfolio.tables import DAY_LASTS_DAYS

Dimension = Literal["segment", "owner", "stage", "plan", "product", "cohort", "campaign"]

DIMENSIONS: Final[tuple[Dimension, ...]] = Dimension.__args__  # type: ignore[attr-defined]


def _rounded(scaled: str) -> str:
    """A product with a rate over its scale, half-even as `money.half_even` does."""
    rest = f"2 * ({scaled} % {RATE_SCALE})"
    return (
        f"({scaled} // {RATE_SCALE} + CASE WHEN {rest} > {RATE_SCALE} "
        f"OR ({rest} = {RATE_SCALE} AND ({scaled} // {RATE_SCALE}) % 2 = 1) THEN 1 ELSE 0 END)::BIGINT"
    )


# To the company's minor units. Most products fit 64 bits, in which dividing costs a tenth.
VALUE: Final = (
    f"CASE WHEN {{rate}} = {RATE_SCALE} THEN {{minor}} "
    f"WHEN {{minor}} < {2**62} // {{rate}} AND {{minor}} >= 0 THEN {_rounded('({minor} * {rate})')} "
    f"ELSE {_rounded('({minor}::HUGEINT * {rate})')} END"
)


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Some facts that come from one place.

    Attributes:
        sql: gives (i, account, product) and the columns; `{product}` is the product of a row's table where the facts
            are by product, else NULL.
        columns: name to its meaning; where a row is missing they are 0.
        knows_products: whether a row can be one product of an account.
    """

    name: str
    sql: str
    columns: dict[str, str]
    knows_products: bool = False


_IN_PERIOD: Final = "BETWEEN p.first_day AND p.next_day - 1"

_MOVED: Final = ", ".join(
    f"sum(m.minor) FILTER (m.kind = '{kind}') AS {kind}_minor, count(*) FILTER (m.kind = '{kind}') AS {kind}_count"
    for kind in MOVEMENT_KINDS
)
_TOUCHED: Final = ", ".join(f"count(*) FILTER (t.kind = '{kind}') AS {kind}_touches" for kind in sorted(CONTACT_KINDS))
_ADVOCATED: Final = ", ".join(f"(t.kind = '{kind}')::INT AS {kind}" for kind in sorted(ADVOCACY_KINDS))

GROUPS: Final = (
    FactGroup(
        "present",
        """
        SELECT DISTINCT p.i, s.account, s.product, 1 AS is_present
        FROM p JOIN spells s ON s.from_day < p.next_day AND s.to_day >= p.first_day
        WHERE s.product IS {not_null}
        """,
        {"is_present": "a customer at the start or on any day"},
        knows_products=True,
    ),
    FactGroup(
        "opening",
        """
        SELECT p.i, w.account, w.product, w.minor AS opening_minor, w.is_customer AS was_customer
        FROM p JOIN worth w ON w.day = p.first_day - 1
        """,
        {"opening_minor": "annual recurring revenue before the first day", "was_customer": "1: a customer then"},
        knows_products=True,
    ),
    FactGroup(
        "closing",
        """
        SELECT p.i, w.account, w.product, w.minor AS closing_minor, w.is_customer, w.products_held
        FROM p JOIN worth w ON w.day = p.next_day - 1
        """,
        {
            "closing_minor": "annual recurring revenue at the end of the last day",
            "is_customer": "1: a customer then",
            "products_held": "different products then",
        },
        knows_products=True,
    ),
    FactGroup(
        "movements",
        f"""
        SELECT p.i, m.account, m.product, {_MOVED},
            sum(m.minor) FILTER (m.detail = 'involuntary') AS involuntary_minor,
            count(*) FILTER (m.detail = 'involuntary') AS involuntary_count,
            sum(m.minor) FILTER (m.kind = 'contraction' AND m.detail = 'paused') AS paused_minor,
            sum(m.minor) FILTER (m.kind = 'expansion' AND m.detail = 'cross_sell') AS cross_sell_minor,
            count(*) FILTER (m.unvalued) AS unvalued_count
        FROM p JOIN movements m ON m.day {_IN_PERIOD} WHERE m.product IS {{not_null}} GROUP BY ALL
        """,
        {
            **{f"{kind}_minor": f"revenue of {kind}" for kind in MOVEMENT_KINDS},
            **{f"{kind}_count": f"days with {kind}" for kind in MOVEMENT_KINDS},
            "involuntary_minor": "churn by payments that failed",
            "involuntary_count": "times of it",
            "paused_minor": "contraction by pauses",
            "cross_sell_minor": "expansion by products not held before",
            "unvalued_count": "days with a currency without a rate",
        },
        knows_products=True,
    ),
    FactGroup(
        "earned",
        f"""
        SELECT p.i, i.account, {{i_product}} AS product,
            sum(({VALUE.format(minor="i.arr_minor", rate="r.rate")})::HUGEINT * (
                least(p.next_day, i.to_day, r.to_day) - greatest(p.first_day, i.from_day, r.from_day)
            )) AS earned_minor_days
        FROM p JOIN intervals i ON i.from_day < p.next_day AND i.to_day > p.first_day
        JOIN rate_spans r ON r.currency = i.currency
            AND r.from_day < least(p.next_day, i.to_day) AND r.to_day > greatest(p.first_day, i.from_day)
        GROUP BY ALL
        """,
        {"earned_minor_days": "annual recurring revenue, summed over the days"},
        knows_products=True,
    ),
    FactGroup(
        "renewals",
        f"""
        SELECT p.i, t.account, {{t_product}} AS product,
            max((t.decided_day <= p.as_of_day)::INT) AS up_for_renewal,
            max((t.decided_day <= p.as_of_day AND t.outcome = 'renewed')::INT) AS renewed,
            sum(t.minor) FILTER (t.decided_day <= p.as_of_day) AS up_for_renewal_minor,
            sum(t.minor) FILTER (t.decided_day <= p.as_of_day AND t.outcome = 'renewed') AS renewed_minor,
            count(*) FILTER (t.decided_day <= p.as_of_day AND t.outcome = 'renewed') AS renewed_terms,
            count(*) FILTER (t.decided_day > p.as_of_day) AS undecided_terms
        FROM p JOIN terms t ON t.end_day {_IN_PERIOD} GROUP BY ALL
        """,
        {
            "up_for_renewal": "1: a term ended in the period, and what became of it is known",
            "renewed": "1: one of them was renewed",
            "up_for_renewal_minor": "their revenue",
            "renewed_minor": "the revenue of the renewed ones, before any change",
            "renewed_terms": "how many terms were renewed",
            "undecided_terms": "terms that ended and may still be renewed",
        },
        knows_products=True,
    ),
    FactGroup(
        "tenure",
        """
        SELECT p.i, s.account, s.product, 1 AS was_ever_customer,
            sum(least(s.to_day, p.next_day) - s.from_day) AS tenure_days,
            sum(greatest(least(s.to_day, p.next_day) - greatest(s.from_day, p.first_day), 0)) AS customer_days
        FROM p JOIN spells s ON s.from_day < p.next_day WHERE s.product IS {not_null} GROUP BY ALL
        """,
        {
            "was_ever_customer": "1: a customer at the end or before",
            "tenure_days": "days as a customer until the end",
            "customer_days": "days of the period as a customer",
        },
        knows_products=True,
    ),
    FactGroup(
        "trials",
        f"""
        SELECT p.i, t.account, NULL AS product, count(*) AS trials_ended,
            count(*) FILTER (t.outcome = 'converted') AS trials_converted,
            median(t.ended_day - t.from_day) FILTER (t.outcome = 'converted') AS days_to_convert,
            median(t.first_upsell_day - t.ended_day) FILTER (t.first_upsell_day <= p.as_of_day) AS days_to_upsell
        FROM p JOIN trials t ON t.ended_day {_IN_PERIOD} GROUP BY ALL
        """,
        {
            "trials_ended": "trials that ended, converted or not",
            "trials_converted": "those that were converted",
            "days_to_convert": "days from a trial's start to that",
            "days_to_upsell": "days from that to the first upgrade",
        },
    ),
    FactGroup(
        "requests",
        f"""
        SELECT p.i, r.account, NULL AS product,
            count(*) FILTER (r.decided_day <= p.as_of_day) AS requests_decided,
            count(*) FILTER (r.decided_day <= p.as_of_day AND r.outcome = 'saved') AS requests_saved,
            count(*) FILTER (r.decided_day > p.as_of_day) AS requests_open
        FROM p JOIN requests r ON r.day {_IN_PERIOD} GROUP BY ALL
        """,
        {
            "requests_decided": "requests to cancel of which the end is known",
            "requests_saved": "those that were turned around",
            "requests_open": "requests of which it is not known",
        },
    ),
    FactGroup(
        "contact",
        f"""
        SELECT p.i, t.account, NULL AS product, max(t.is_contact::INT) AS contacted,
            count(*) FILTER (t.is_contact) AS contacts,
            {_TOUCHED}
        FROM p JOIN touches t ON t.day {_IN_PERIOD} GROUP BY ALL
        """,
        {
            "contacted": "1: someone spoke or wrote with it",
            "contacts": "how often",
            **{f"{kind}_touches": f"how often by {kind}" for kind in sorted(CONTACT_KINDS)},
        },
    ),
    FactGroup(
        "advocacy",
        f"""
        SELECT i, account, NULL AS product, sum(review) AS reviews, sum(case_study) AS case_studies,
            sum(reference) AS references_given, sum(referral) AS referrals, sum(minor) AS referred_minor
        FROM (
            SELECT p.i, t.account, {_ADVOCATED},
                0 AS minor
            FROM p JOIN touches t ON t.day {_IN_PERIOD}
            UNION ALL BY NAME
            SELECT p.i, r.account, 0 AS review, 0 AS case_study, 0 AS reference, 1 AS referral,
                coalesce(r.minor, 0) AS minor
            FROM p JOIN referrals r ON r.day {_IN_PERIOD}
        ) GROUP BY ALL
        """,
        {
            "reviews": "reviews written",
            "case_studies": "case studies",
            "references_given": "references given",
            "referrals": "accounts referred",
            "referred_minor": "revenue a year of those that were won",
        },
    ),
    FactGroup(
        "surveys",
        f"""
        SELECT i, account, NULL AS product,
            count(*) FILTER (survey = 'nps') AS nps_responses,
            count(*) FILTER (survey = 'nps' AND score >= 9) AS promoters,
            count(*) FILTER (survey = 'nps' AND score <= 6) AS detractors,
            count(*) FILTER (survey = 'csat') AS csat_responses,
            count(*) FILTER (survey = 'csat' AND score >= 4) AS csat_satisfied
        FROM (
            SELECT p.i, a.* FROM p JOIN answers a ON a.day {_IN_PERIOD}
            QUALIFY row_number() OVER (PARTITION BY p.i, a.account, a.user_id, a.survey ORDER BY a.moment_ms DESC) = 1
        ) GROUP BY ALL
        """,
        {
            "nps_responses": "users who answered, each with the latest answer",
            "promoters": "answers of 9 and 10",
            "detractors": "answers of 0 to 6",
            "csat_responses": "users who answered",
            "csat_satisfied": "answers of 4 and 5",
        },
    ),
    FactGroup(
        "support",
        f"""
        SELECT p.i, t.account, NULL AS product, count(*) AS tickets_opened,
            count(*) FILTER (t.escalated_day <= p.as_of_day) AS tickets_escalated
        FROM p JOIN tickets t ON t.opened_day {_IN_PERIOD} GROUP BY ALL
        """,
        {"tickets_opened": "tickets opened", "tickets_escalated": "those of them that were escalated"},
    ),
    FactGroup(
        "adoption",
        f"""
        SELECT *, NULL AS product, (score IS NOT NULL)::INT AS scored,
            (mau IS NOT NULL AND seats > 0)::INT AS has_seats
        FROM (
            SELECT p.i, d.account, arg_max_null(d.mau, d.day) AS mau, arg_max_null(d.seats, d.day) AS seats,
                arg_max_null(d.score, d.day) AS score
            FROM (
                SELECT i, unnest(range(greatest(first_day, next_day - {DAY_LASTS_DAYS}), next_day))::INT AS day FROM p
            ) p JOIN account_days d ON d.day = p.day GROUP BY ALL
        )
        """,
        {
            "mau": "users active in 30 days, on the last day known of the period's last week",
            "seats": "licensed seats then",
            "score": "health score then",
            "scored": "1: a score is known",
            "has_seats": "1: active users and seats are known",
        },
    ),
    FactGroup(
        "first_value",
        """
        SELECT p.i, s.account, NULL AS product, v.first_value_days, 1 AS started
        FROM p JOIN (SELECT account, min(from_day) AS day FROM spells WHERE product IS NULL GROUP BY account) s
            ON s.day BETWEEN p.first_day AND p.next_day - 1
        LEFT JOIN first_values v ON v.account = s.account
        """,
        {
            "first_value_days": "days from the account's start to its first value, null until it is reached",
            "started": "1: it became a customer for the first time",
        },
    ),
)

# Who holds something of which no rate is known, on the day before the period or on one of it. The money of such an
# account is left out of the period, from numerators and denominators alike: it is not known, and that is not 0.
_UNVALUED: Final = """
    SELECT DISTINCT p.i, i.account, {i_product}::VARCHAR AS product, 1 AS is_unvalued
    FROM p JOIN intervals i ON i.from_day < p.next_day AND i.to_day >= p.first_day
    LEFT JOIN (SELECT currency, min(from_day) AS day FROM rates GROUP BY currency) r ON r.currency = i.currency
    WHERE i.currency <> '{company_currency}' AND i.arr_minor <> 0
        AND greatest(i.from_day, p.first_day - 1) < coalesce(r.day, 10000000)
"""
UNVALUED_MEANING: Final = (
    "1: it holds an amount without a rate, on the eve or on a day of the period; its money is 0 in every sum"
)
LEFT_OUT: Final = frozenset(
    [
        *("opening_minor", "closing_minor", *(f"{kind}_minor" for kind in MOVEMENT_KINDS)),
        *("involuntary_minor", "paused_minor", "cross_sell_minor", "earned_minor_days"),
        *("expansion_count", "contraction_count"),
    ]
)

BY_PRODUCT: Final = frozenset(group.name for group in GROUPS if group.knows_products)
GROUP_OF: Final = {column: group.name for group in GROUPS for column in group.columns}
NULLABLE: Final = frozenset({"days_to_convert", "days_to_upsell", "first_value_days", "mau", "seats", "score"})


def periods_sql(periods: Sequence[Period], as_of_day: int) -> str:
    """The table `p` of periods, none beyond the day asked about: (i, period, first_day, next_day, as_of_day)."""
    rows = ", ".join(
        f"({i}, '{period.name}', {period.first_day}, {min(period.next_day, as_of_day + 1)}, {as_of_day})"
        for i, period in enumerate(periods)
    )
    return f"(SELECT * FROM (VALUES {rows}) AS t(i, period, first_day, next_day, as_of_day) WHERE first_day < next_day)"


def facts_sql(
    groups: Iterable[str],
    periods: Sequence[Period],
    by: Dimension | None,
    as_of_day: int,
    *,
    company_currency: str,
    pause_is_churn: bool,
    leaves_out: bool = True,
) -> str:
    """A query that gives (i, period, account, product, the dimension as `key`, owner) and the columns of the groups.

    `is_unvalued` is 1 where the account's money is not known and left out.

    Args:
        groups: names of fact groups; `present` always comes along.
        periods: not empty.
        by: the dimension; None: everything together, and `key` is null.
        as_of_day: nothing after it is known.
        company_currency: of the figures.
        pause_is_churn: the company's rule.
        leaves_out: whether there may be accounts whose money is not known; False is quicker.
    """
    wanted = [group for group in GROUPS if group.name in {"present", *groups}]
    product = by == "product"
    parts = [
        f"p AS {periods_sql(periods, as_of_day)}",
        *_shared(company_currency, product=product, pause_is_churn=pause_is_churn),
    ]
    filled = {
        "not_null": "NOT NULL" if product else "NULL",
        "i_product": "i.product" if product else "NULL",
        "t_product": "t.product" if product else "NULL",
        "company_currency": company_currency,
    }
    same = "g.i = k.i AND g.account = k.account" + (" AND g.product = k.product" if product else "")
    parts += [f"{group.name}_facts AS MATERIALIZED ({group.sql.format(**filled)})" for group in wanted]
    of = "i, account, product" if product else "i, account"
    keys = " UNION ".join(f"SELECT {of} FROM {group.name}_facts" for group in wanted)
    columns = ", ".join(
        f"{group.name}.{name}" if name in NULLABLE else f"{_known(group.name, name, leaves_out)} AS {name}"
        for group in wanted
        for name in group.columns
    )
    joins = " ".join(
        f"LEFT JOIN {group.name}_facts {group.name} ON {same.replace('g.', f'{group.name}.')}" for group in wanted
    )
    unvalued = "0"
    if leaves_out:
        unvalued = "coalesce(unvalued.is_unvalued, 0)"
        parts.append(f"unvalued AS MATERIALIZED ({_UNVALUED.format(**filled)})")
        joins += f" LEFT JOIN unvalued ON {same.replace('g.', 'unvalued.')}"
    # Narrow tables side by side: one below the other, each row would carry every column of all of them.
    which = "k.product" if product else "NULL::VARCHAR AS product"
    parts.append(
        f"base AS (SELECT k.i, k.account, {which}, {unvalued} AS is_unvalued, {columns} FROM ({keys}) k {joins})"
    )
    key, key_join = _dimension(by, periods[0].unit)
    where = "WHERE base.product IS NOT NULL" if product else ""
    return (
        f"WITH {', '.join(parts)} SELECT base.*, p.period, {key} AS key, f.owner AS owner "
        "FROM base JOIN p ON p.i = base.i "
        "LEFT JOIN profiles f ON f.account = base.account AND f.from_day < p.first_day AND p.first_day <= f.to_day "
        f"{key_join} {where}"
    )


def _known(group: str, column: str, leaves_out: bool) -> str:
    """A column of a group; 0 where nothing happened, and where an account's money is left out."""
    value = f"coalesce({group}.{column}, 0)"
    return f"CASE WHEN unvalued.is_unvalued = 1 THEN 0 ELSE {value} END" if leaves_out and column in LEFT_OUT else value


def _shared(company_currency: str, *, product: bool, pause_is_churn: bool) -> list[str]:
    """What several groups read: balances at the ends of periods, and rates."""
    column = "i.product" if product else "NULL::VARCHAR"
    customer = "max((NOT i.paused)::INT)" if pause_is_churn else "1"
    return [
        "marks AS MATERIALIZED (SELECT first_day - 1 AS day FROM p UNION SELECT next_day - 1 FROM p)",
        f"rate_spans AS MATERIALIZED (SELECT '{company_currency}' AS currency, "
        f"-1000000 AS from_day, 10000000 AS to_day, {RATE_SCALE} AS rate UNION ALL SELECT currency, from_day, "
        "lead(from_day, 1, 10000000) OVER (PARTITION BY currency ORDER BY from_day), rate FROM rates "
        f"WHERE currency <> '{company_currency}')",
        "mark_rates AS MATERIALIZED (SELECT m.day, r.currency, r.rate "
        "FROM marks m JOIN rate_spans r ON r.from_day <= m.day AND m.day < r.to_day)",
        f"worth AS MATERIALIZED (SELECT m.day, i.account, {column} AS product, {customer} AS is_customer, "
        f"sum(coalesce({VALUE.format(minor='i.arr_minor', rate='r.rate')}, 0))::BIGINT AS minor, "
        "count(DISTINCT i.product) AS products_held "
        "FROM marks m JOIN intervals i ON i.from_day <= m.day AND m.day < i.to_day "
        "LEFT JOIN mark_rates r ON r.currency = i.currency AND r.day = m.day "
        "GROUP BY m.day, i.account" + (", i.product" if product else "") + ")",
    ]


def _dimension(by: Dimension | None, unit: str) -> tuple[str, str]:
    """(expression, join) of a dimension: as it was before the period's first day, or as it first was in it."""
    match by:
        case None:
            return "NULL::VARCHAR", ""
        case "product":
            return "base.product", ""
        case "segment" | "owner" | "stage":
            return f"f.{by}", ""
        case "plan":
            return "d.plan", (
                "LEFT JOIN (SELECT p.i, i.account, first(i.plan ORDER BY greatest(i.from_day, p.first_day - 1), "
                "i.arr_minor DESC, i.subscription) AS plan FROM p JOIN intervals i ON i.from_day < p.next_day "
                "AND i.to_day >= p.first_day GROUP BY ALL) d ON d.i = base.i AND d.account = base.account"
            )
        case "campaign":
            return "d.campaign", (
                "LEFT JOIN (SELECT account, first(campaign ORDER BY from_day, campaign NULLS LAST) AS campaign "
                "FROM (SELECT account, campaign, from_day FROM trials "
                "UNION ALL SELECT account, campaign, from_day FROM intervals) "
                "GROUP BY account) d ON d.account = base.account"
            )
        case "cohort":
            date = "(DATE '1970-01-01' + d.day)"
            name = {
                "quarter": f"strftime({date}, '%Y-Q') || quarter({date})",
                "year": f"strftime({date}, '%Y')",
            }.get(unit, f"strftime({date}, '%Y-%m')")
            return name, (
                "LEFT JOIN (SELECT account, min(from_day)::INT AS day FROM spells WHERE product IS NULL "
                "GROUP BY account) d ON d.account = base.account"
            )
