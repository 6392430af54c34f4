"""Every figure of the portfolio, each with one definition: numerator, denominator, unit, and what its interval means.

A figure is a sum over accounts, a ratio of two sums, or a median; its parts are expressions over the facts of an
account in a period. So the accounts behind a figure are those whose part in either sum is not 0, and no figure can
differ from another one but by its definition.
"""

import re
from dataclasses import dataclass, replace
from math import inf
from typing import Final, Literal

from consumers.portfolio.account_revenue import MOVEMENT_KINDS
from consumers.portfolio.entries import CONTACT_KINDS
from consumers.portfolio.facts import BY_PRODUCT, GROUP_OF, LEFT_OUT
from stream.contracts.errors import ConfigError

Unit = Literal["money", "ratio", "count", "per_account", "days", "score"]
Interval = Literal["share", "ratio", "none"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        numerator: an SQL expression over facts; summed up, or its median where `is_median`.
        denominator: the same; None: the figure is the sum itself.
        unit: of the value; money is in the company's minor units, a month's or a year's as the meaning says.
        interval: share: both sums count the same things, one a part of the other (Wilson); ratio: of two sums.
        bounds: within which the quotient lies whatever happens, and so its interval.
        scale: the value is the quotient (or sum) times this.
        cost: the numerator is the company's costs of this kind; they are known by owner or campaign only.
        seeds: the documents that ask for it.
    """

    id: str
    meaning: str
    numerator: str
    denominator: str | None = None
    unit: Unit = "ratio"
    interval: Interval = "none"
    bounds: tuple[float, float] = (0.0, inf)
    scale: float = 1.0
    is_median: bool = False
    cost: Literal["acquisition", "customer_success"] | None = None
    seeds: tuple[str, ...] = ()

    @property
    def columns(self) -> set[str]:
        """The facts that it stands on."""
        return set(re.findall(r"[a-z_]+", f"{self.numerator} {self.denominator or ''}")) & GROUP_OF.keys()

    @property
    def groups(self) -> set[str]:
        """Where they come from."""
        return {GROUP_OF[column] for column in self.columns}

    @property
    def needs_rates(self) -> bool:
        """Whether accounts are left out of it whose currency has no rate."""
        return bool(self.columns & LEFT_OUT)

    @property
    def knows_products(self) -> bool:
        """Whether it can be told by product."""
        return self.groups <= BY_PRODUCT and self.cost is None


def _money(id_: str, meaning: str, numerator: str, *seeds: str, scale: float = 1.0) -> Figure:
    return Figure(id_, meaning, numerator, unit="money", scale=scale, seeds=seeds)


def _count(id_: str, meaning: str, numerator: str, *seeds: str) -> Figure:
    return Figure(id_, meaning, numerator, unit="count", seeds=seeds)


def _share(id_: str, meaning: str, numerator: str, denominator: str, *seeds: str) -> Figure:
    return Figure(id_, meaning, numerator, denominator, interval="share", seeds=seeds)


def _ratio(id_: str, meaning: str, numerator: str, denominator: str, *seeds: str, unit: Unit = "ratio") -> Figure:
    return Figure(id_, meaning, numerator, denominator, unit=unit, interval="ratio", seeds=seeds)


def _part(id_: str, meaning: str, numerator: str, denominator: str, *seeds: str) -> Figure:
    """A ratio of two sums, of each account a part of the other."""
    return replace(_ratio(id_, meaning, numerator, denominator, *seeds), bounds=(0.0, 1.0))


def _median(id_: str, meaning: str, numerator: str, *seeds: str) -> Figure:
    return Figure(id_, meaning, numerator, unit="days", is_median=True, seeds=seeds)


_VALUED: Final = "(1 - is_unvalued)"
_KEPT: Final = "CASE WHEN was_customer = 1 THEN least(opening_minor, closing_minor) ELSE 0 END"
_GONE: Final = "was_customer = 1 AND is_customer = 0"
_GAINED: Final = "new_minor + reactivation_minor + expansion_minor"
_LOST: Final = "contraction_minor + churn_minor"
_FX: Final = f"closing_minor - opening_minor - ({_GAINED}) + {_LOST}"

FIGURES: Final = (
    _money("arr", "annual recurring revenue at the period's end", "closing_minor", "000", "002"),
    _money("mrr", "the same a month: arr / 12", "closing_minor", "000", "002", scale=1 / 12),
    _money("opening_arr", "annual recurring revenue before the period's first day", "opening_minor", "002"),
    _count("accounts", "customers at the period's end", "is_customer", "000", "001"),
    _ratio("arpa", "mrr / accounts", "closing_minor / 12.0", f"is_customer * {_VALUED}", "000", unit="money"),
    _money(
        "revenue",
        "recurring revenue of the days, a 365th of arr each",
        "earned_minor_days",
        "001",
        scale=1 / 365,
    ),
    *(
        _money(kind, meaning, f"{kind}_minor", "002")
        for kind, meaning in zip(
            MOVEMENT_KINDS,
            (
                "revenue of accounts that became customers for the first time",
                "revenue of accounts that came back",
                "revenue that customers added, net by account and day",
                "revenue that customers gave up while they stayed, net by account and day",
                "revenue of accounts that ended their last subscription",
            ),
            strict=True,
        )
    ),
    _money("fx", "what rates alone did to the revenue", _FX, "002"),
    _money("paused", "the part of contraction that is paused", "paused_minor", "002"),
    _money("involuntary_churn", "the part of churn by payments that failed", "involuntary_minor", "002"),
    _money("gross_upsell", "expansion gained in the period", "expansion_minor", "002"),
    _money("cross_sell", "the part of expansion by products not held before", "cross_sell_minor", "000"),
    _ratio("quick_ratio", "(new + reactivation + expansion) / (contraction + churn)", _GAINED, _LOST, "002"),
    _ratio(
        "nrr",
        "what the customers of the period's start are worth at its end / at its start, expansion included",
        "CASE WHEN was_customer = 1 THEN closing_minor ELSE 0 END",
        "opening_minor",
        *("002", "003"),
    ),
    _part("grr", "the same, each account with at most what it began with", _KEPT, "opening_minor", "002", "003"),
    _part(
        "revenue_churn",
        "revenue at the start of those who are no customers at the end / revenue at the start",
        f"CASE WHEN {_GONE} THEN opening_minor ELSE 0 END",
        "opening_minor",
        *("002", "003"),
    ),
    _share(
        "logo_churn",
        "customers at the start who are none at the end / customers at the start",
        f"({_GONE})::INT",
        "was_customer",
        *("002", "003"),
    ),
    _count("new_accounts", "accounts that became customers for the first time", "new_count", "000"),
    _count("churned_accounts", "times an account ended its last subscription", "churn_count", "002"),
    _share(
        "renewal_rate",
        "accounts that renewed a term / accounts with a term that ended in the period",
        "renewed",
        "up_for_renewal",
        *("000", "002"),
    ),
    _part(
        "renewal_rate_arr",
        "revenue of the renewed terms, before any change / revenue of the terms that ended",
        "renewed_minor",
        "up_for_renewal_minor",
        *("000", "002"),
    ),
    _count(
        "undecided_renewals", "terms that ended and may still be renewed: in neither rate", "undecided_terms", "000"
    ),
    _share(
        "upsell_rate",
        "customers who expanded / customers at the start or in the period",
        "least(expansion_count, is_present)",
        f"is_present * {_VALUED}",
        *("000", "001"),
    ),
    _ratio(
        "expansion_revenue_rate",
        "expansion gained in the period / revenue at its end",
        "expansion_minor",
        "closing_minor",
        "001",
    ),
    _ratio(
        "cross_sell_ratio",
        "products held / customers, at the end",
        "products_held",
        "is_customer",
        "000",
        unit="per_account",
    ),
    _share(
        "save_rate",
        "requests to cancel of the period that were turned around / those of which the end is known",
        "requests_saved",
        "requests_decided",
        "001",
    ),
    _count("open_requests", "requests to cancel of which the end is not known: in no rate", "requests_open", "001"),
    _share(
        "trial_conversion",
        "trials converted / trials ended in the period",
        "trials_converted",
        "trials_ended",
        *("000", "002"),
    ),
    _median("days_to_convert", "median days from a trial's start to its conversion", "days_to_convert", "000", "002"),
    _median("days_to_upsell", "median days from a conversion to the first upgrade", "days_to_upsell", "000"),
    Figure(
        "cac",
        "costs of acquisition / new customers, of the same period and campaign",
        "0",
        "least(new_count, 1)",
        unit="money",
        cost="acquisition",
        seeds=("000",),
    ),
    _ratio(
        "purchases_per_year",
        "starts, returns, expansions and renewals / years as a customer, in the period",
        f"(new_count + reactivation_count + expansion_count + renewed_terms) * {_VALUED}",
        f"customer_days * {_VALUED} / 365.0",
        "000",
        unit="per_account",
    ),
    _ratio(
        "retention_years",
        "mean years as a customer so far, of all that ever were one",
        "tenure_days / 365.0",
        "was_ever_customer",
        "000",
        unit="per_account",
    ),
    Figure(
        "crc",
        "costs of customer success / recurring revenue of the period's days",
        "0",
        "earned_minor_days / 365.0",
        cost="customer_success",
        seeds=("003",),
    ),
    Figure(
        "revenue_per_csm",
        "revenue at the end / owners with customers",
        "CASE WHEN owner IS NULL THEN 0 ELSE closing_minor END",
        "DISTINCT CASE WHEN is_customer = 1 THEN owner END",
        unit="money",
        seeds=("003",),
    ),
    Figure(
        "accounts_per_csm",
        "customers at the end / owners with customers",
        "CASE WHEN owner IS NULL THEN 0 ELSE is_customer END",
        "DISTINCT CASE WHEN is_customer = 1 THEN owner END",
        unit="per_account",
        seeds=("003",),
    ),
    _share(
        "customer_base_coverage",
        "customers with whom someone spoke or wrote / customers at the start or in the period",
        "least(contacted, is_present)",
        "is_present",
        *("001", "003"),
    ),
    *(
        _count(f"{kind}_count", f"touchpoints of kind {kind}", f"{kind}_touches", "003")
        for kind in sorted(CONTACT_KINDS)
    ),
    _ratio(
        "support_incident_rate",
        "tickets opened / customers at the start or in the period",
        "tickets_opened * is_present",
        "is_present",
        "001",
        unit="per_account",
    ),
    _share("escalation_rate", "tickets escalated / tickets opened", "tickets_escalated", "tickets_opened", "002"),
    Figure(
        "nps",
        "100 x (promoters - detractors) / users who answered",
        "promoters - detractors",
        "nps_responses",
        unit="score",
        interval="ratio",
        bounds=(-1.0, 1.0),
        scale=100,
        seeds=("003", "004"),
    ),
    _share("csat", "answers of 4 and 5 / users who answered", "csat_satisfied", "csat_responses", "002", "003"),
    _ratio(
        "active_user_rate",
        "users active in 30 days / licensed seats, at the end, where both are known",
        "CASE WHEN has_seats = 1 THEN mau ELSE 0 END",
        "CASE WHEN has_seats = 1 THEN seats ELSE 0 END",
        "001",
    ),
    Figure(
        "health_score",
        "mean health score at the end",
        "coalesce(score, 0)",
        "scored",
        unit="score",
        interval="ratio",
        bounds=(0.0, 100.0),
        seeds=("002", "003"),
    ),
    _median(
        "time_to_first_value",
        "median days to the first value, of customers that began in the period and have reached it",
        "first_value_days",
        *("000", "001", "004"),
    ),
    _share(
        "first_value_rate",
        "customers that began in the period and have reached their first value / all that began in it",
        "CASE WHEN first_value_days IS NULL THEN 0 ELSE started END",
        "started",
        *("000", "001"),
    ),
    _count("promoters", "answers of 9 and 10", "promoters", "000", "003"),
    _count("referrals", "accounts referred by customers", "referrals", "000"),
    _money("referred_revenue", "revenue a year of those that were won", "referred_minor", "000"),
    _count("references", "references given", "references_given", "003"),
    _count("reviews", "reviews written", "reviews", "003"),
    _count("case_studies", "case studies", "case_studies", "003"),
)

BY_ID: Final = {figure.id: figure for figure in FIGURES}
MOVEMENT_FIGURES: Final = ("opening_arr", *MOVEMENT_KINDS, "fx", "arr")


class FigureError(ConfigError):
    """There is no such figure, or not by what was asked."""


def figure(id_: str) -> Figure:
    """A figure by its id.

    Raises:
        FigureError: there is none.
    """
    if id_ not in BY_ID:
        raise FigureError(f"figure {id_!r}: there is none; expected one of {', '.join(BY_ID)}")
    return BY_ID[id_]
