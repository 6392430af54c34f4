"""Each case in which peers' figures differ, decided as the documentation says. Prices are EUR a month."""

import dataclasses
import json
from datetime import date

import pytest

from consumers.portfolio.alias_links import link_body
from consumers.portfolio.days import day_number, parse_period
from consumers.portfolio.lifetime import ask
from consumers.portfolio.query import Query
from tests.unit.consumers.portfolio.books import RULES, Books


@pytest.fixture
def books() -> Books:
    return Books()


def test_the_latest_answer_of_a_user_counts_and_every_anonymous_one(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    for number, user_id in enumerate(("ann", "ann", "", None)):
        books.add("survey", f"2026-02-{number + 10}", user_id=user_id, survey="nps", score=9 if user_id is None else 3)
    assert books.values("2026-02", "nps") == [pytest.approx(-100 / 3)]


def test_one_of_two_subscriptions_ending_is_a_contraction(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-01-05", "started", 40, subscription_id="s2")
    books.subscription("2026-02-10", "cancelled", subscription_id="s2")
    assert books.movements("2026-02") == {"opening_arr": 140, "contraction": 40, "arr": 100}
    assert books.values("2026-02", "logo_churn", "grr") == [0, pytest.approx(100 / 140)]


def test_the_last_subscription_ending_is_churn(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-01-05", "started", 40, subscription_id="s2")
    books.subscription("2026-02-10", "cancelled", subscription_id="s2")
    books.subscription("2026-02-11", "cancelled")
    assert books.movements("2026-02") == {"opening_arr": 140, "contraction": 40, "churn": 100}
    assert books.values("2026-02", "logo_churn", "nrr") == [1, 0]


def test_a_switch_from_one_subscription_to_another_on_one_day_is_net(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-10T09:00:00Z", "cancelled")
    books.subscription("2026-02-10T17:00:00Z", "started", 130, subscription_id="s2")
    assert books.movements("2026-02") == {"opening_arr": 100, "expansion": 30, "arr": 130}


def test_upgrade_and_churn_on_one_day_are_net_churn(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-10T09:00:00Z", "upgraded", 500)
    books.subscription("2026-02-10T17:00:00Z", "cancelled")
    assert books.movements("2026-02") == {"opening_arr": 100, "churn": 100}


def test_new_and_churned_within_one_period_are_movements_and_in_no_nrr(books: Books) -> None:
    books.subscription("2026-02-03", "started", 100)
    books.subscription("2026-02-20", "cancelled")
    assert books.movements("2026-02") == {"new": 100, "churn": 100}
    found = books.figures("2026-02", "nrr", "logo_churn")
    assert found["nrr"].value is None
    assert found["logo_churn"].value is None


def test_churned_and_back_within_the_period_keeps_nrr_and_shows_both_movements(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-10", "cancelled")
    books.subscription("2026-02-20", "reactivated", 90)
    assert books.movements("2026-02") == {"opening_arr": 100, "churn": 100, "reactivation": 90, "arr": 90}
    assert books.values("2026-02", "nrr", "logo_churn") == [pytest.approx(0.9), 0]


def test_a_reactivation_is_a_movement_of_its_own_however_late(books: Books) -> None:
    books.subscription("2024-01-05", "started", 100)
    books.subscription("2024-02-10", "cancelled")
    books.subscription("2026-02-20", "started", 80, subscription_id="s9")
    assert books.movements("2026-02") == {"reactivation": 80, "arr": 80}
    assert books.figures("2026-02", "nrr")["nrr"].value is None


def test_a_cancellation_for_the_terms_end_churns_then_and_counts_as_a_request_now(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-10", "cancelled", effective_at="2026-06-30")
    assert books.movements("2026-02") == {"opening_arr": 100, "arr": 100}
    assert books.movements("2026-06") == {"opening_arr": 100, "churn": 100}
    request = books.figures("2026-02", "save_rate", "open_requests", today="2026-03-01")
    assert (request["save_rate"].value, request["open_requests"].value) == (None, 1)
    assert books.values("2026-02", "save_rate") == [0]


def test_an_announced_end_that_is_withdrawn_never_happens(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-10", "cancelled", effective_at="2026-06-30")
    books.subscription("2026-05-01", "cancellation_withdrawn")
    assert books.movements("2026-06") == {"opening_arr": 100, "arr": 100}
    assert books.values("2026-02", "save_rate") == [1]


def test_an_annual_price_with_a_discount_is_net(books: Books) -> None:
    books.subscription("2026-01-05", "started", amount=999.99, currency="EUR", interval="year", discount=0.25)
    assert books.values("2026-01", "arr", "mrr") == [74999, 6250]


def test_an_account_with_a_full_discount_stays_a_logo(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100, discount=1)
    books.subscription("2026-03-05", "upgraded", 60)
    assert books.values("2026-01", "arr", "accounts", "new_accounts") == [0, 1, 1]
    assert books.values("2026-02", "logo_churn", "nrr") == [0, None]
    assert books.movements("2026-03") == {"expansion": 60, "arr": 60}


@pytest.mark.parametrize(("price", "moved"), [(150, {"expansion": 50}), (60, {"contraction": 40}), (100, {})])
def test_a_change_of_which_nobody_says_the_way_moves_money_by_its_price(
    books: Books, price: int, moved: dict[str, int]
) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-05", "changed", price)
    assert books.movements("2026-02") == moved | {"opening_arr": 100, "arr": price}


def test_a_trial_that_ends_unsaid_expires_and_is_no_churn(books: Books) -> None:
    books.subscription("2026-01-05", "trial_started", term_end="2026-01-19")
    books.subscription("2026-01-05", "trial_started", account="other", term_end="2026-01-19")
    books.subscription("2026-01-15", "trial_converted", 50, account="other")
    assert books.movements("2026-01") == {"new": 50, "arr": 50}
    assert books.store().without_rate() == {}
    found = books.figures("2026-01", "trial_conversion", "days_to_convert")
    assert (found["trial_conversion"].numerator, found["trial_conversion"].denominator) == (1, 2)
    assert found["days_to_convert"].value == 10


def test_a_trial_that_runs_is_in_no_conversion(books: Books) -> None:
    books.subscription("2026-01-05", "trial_started", term_end="2026-01-19")
    assert books.values("2026-01", "trial_conversion", "accounts", today="2026-01-10") == [None, 0]


def test_a_pause_is_a_contraction_and_no_logo_churn(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-10", "paused")
    books.subscription("2026-04-10", "resumed")
    assert books.movements("2026-02") == {"opening_arr": 100, "contraction": 100}
    assert books.values("2026-02", "paused", "accounts", "logo_churn") == [120_000, 1, 0]
    assert books.movements("2026-04") == {"expansion": 100, "arr": 100}


def test_a_pause_is_churn_where_the_company_says_so() -> None:
    books = Books(dataclasses.replace(RULES, pause_is_churn=True))
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-10", "paused")
    books.subscription("2026-04-10", "resumed")
    assert books.movements("2026-02") == {"opening_arr": 100, "churn": 100}
    assert books.values("2026-02", "accounts", "logo_churn") == [0, 1]
    assert books.movements("2026-04") == {"reactivation": 100, "arr": 100}


def test_involuntary_churn_is_told_apart_and_is_no_request(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-01-05", "started", 30, account="other")
    books.subscription("2026-02-10", "cancelled", involuntary=True)
    books.subscription("2026-02-10", "cancelled", account="other")
    assert books.values("2026-02", "churn", "involuntary_churn") == [156_000, 120_000]
    assert books.figures("2026-02", "save_rate")["save_rate"].denominator == 1


@pytest.mark.parametrize("status", ["refunded", "one_off", "tax", "usage_charged"])
def test_what_is_not_recurring_is_kept_and_moves_nothing(books: Books, status: str) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-10", status, 500)
    assert books.movements("2026-02") == {"opening_arr": 100, "arr": 100}
    store = books.store()
    assert store.cursor().execute("SELECT count(*) FROM ledger WHERE problem IS NULL").fetchone() == (2,)


def test_a_change_within_a_period_cuts_the_interval_and_prorates_only_what_was_earned(books: Books) -> None:
    books.subscription("2026-01-01", "started", 100)
    books.subscription("2026-02-15", "upgraded", 200)
    assert books.movements("2026-02") == {"opening_arr": 100, "expansion": 100, "arr": 200}
    days = 14 * 120_000 + 14 * 240_000
    assert books.values("2026-02", "revenue") == [round(days / 365)]


def test_a_backdated_correction_restates_and_as_known_still_shows_the_old(books: Books) -> None:
    first = books.subscription("2026-01-05", "started", 100)
    books.events.append(first | {"amount": 70, "recorded_at": "2026-04-02T00:00:00Z"})
    store = books.store()
    assert books.movements("2026-01") == {"new": 70, "arr": 70}
    known = store.as_known(RULES_CUT)
    assert known.cursor().execute("SELECT arr_minor FROM intervals").fetchall() == [(120_000,)]
    known.close()


RULES_CUT = 1_775_000_000_000  # 2026-03-31, before the correction came


@pytest.mark.parametrize(
    ("renewed", "what"),
    [
        ("2026-11-20", "early, weeks before the term ends"),
        ("2027-01-05", "on the day"),
        ("2027-02-04", "late, on the last day of the grace"),
    ],
)
def test_a_renewal_counts_in_the_period_in_which_its_term_ends(books: Books, renewed: str, what: str) -> None:
    books.subscription("2026-01-05", "started", 100, term_end="2027-01-05")
    books.subscription(renewed, "renewed", 120, term_end="2028-01-05")
    found = books.figures("2027-01", "renewal_rate", "renewal_rate_arr")
    assert (found["renewal_rate"].value, found["renewal_rate_arr"].denominator) == (1, 120_000), what
    assert books.values("2027", "churned_accounts", "accounts") == [0, 1]


def test_a_renewal_in_another_currency_is_of_what_was_paid_before(books: Books) -> None:
    books.add("rate", "2025-12-01", date="2025-12-01", currency="USD", rate="0.5")
    books.subscription("2026-01-05", "started", mrr=100)
    books.subscription("2027-01-05", "renewed", 500, currency="USD")
    assert books.figures("2027-01", "renewal_rate_arr")["renewal_rate_arr"].denominator == 120_000


def test_a_renewal_after_the_grace_is_churn_and_then_reactivation(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100, term_end="2027-01-05")
    books.subscription("2027-02-05", "renewed", 120, term_end="2028-01-05")
    assert books.values("2027-01", "renewal_rate") == [0]
    assert books.movements("2027-02") == {"opening_arr": 100, "expansion": 20, "arr": 120}
    books.events[-1]["timestamp"] = "2027-02-06T12:00:00Z"
    assert books.movements("2027-02") == {"opening_arr": 100, "churn": 100, "reactivation": 120, "arr": 120}


def test_a_term_that_is_never_renewed_ends_after_the_grace(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100, term_end="2027-01-05")
    open_ = books.figures("2027-01", "renewal_rate", "undecided_renewals", today="2027-01-20")
    assert (open_["renewal_rate"].value, open_["undecided_renewals"].value) == (None, 1)
    assert books.movements("2027-01") == {"opening_arr": 100, "arr": 100}
    assert books.movements("2027-02") == {"opening_arr": 100, "churn": 100}
    assert books.values("2027-01", "renewal_rate") == [0]


def test_no_term_lapses_where_the_company_says_so() -> None:
    books = Books(dataclasses.replace(RULES, grace_days=None))
    books.subscription("2026-01-05", "started", 100, term_end="2027-01-05")
    assert books.movements("2027-06") == {"opening_arr": 100, "arr": 100}


def test_repeated_requests_to_cancel_are_one_while_it_is_open(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    for day in ("2026-02-01", "2026-02-05", "2026-02-09"):
        books.subscription(day, "cancellation_requested")
    books.subscription("2026-02-11", "cancellation_withdrawn")
    books.subscription("2026-02-20", "cancellation_requested")
    books.subscription("2026-02-25", "cancelled")
    found = books.figures("2026-02", "save_rate")["save_rate"]
    assert (found.numerator, found.denominator) == (1, 2)


def test_who_lives_ninety_days_after_a_request_is_saved(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-01", "cancellation_requested")
    assert books.values("2026-02", "save_rate", today="2026-05-01") == [None]
    assert books.values("2026-02", "save_rate", today="2026-05-02") == [1]
    books.subscription("2026-05-01", "cancelled")
    found = books.figures("2026-02", "save_rate")["save_rate"]
    assert (found.value, found.n) == (0, 1)


def test_a_moved_subscription_is_neither_churn_nor_new(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100, account="old")
    books.subscription("2026-01-05", "started", 50, account="new", subscription_id="s2")
    books.subscription("2026-02-10", "moved", account="old", moved_to="new")
    books.subscription("2026-02-20", "upgraded", 130, account="new")
    assert books.movements("2026-02") == {"opening_arr": 150, "expansion": 30, "arr": 180}
    assert books.values("2026-02", "accounts", "logo_churn", "grr") == [1, 0, 1]


def test_rates_alone_are_a_movement_of_their_own_and_no_expansion(books: Books) -> None:
    for day, rate in (("2025-12-01", "0.90"), ("2026-02-15", "0.95")):
        books.add("rate", day, date=day, currency="USD", rate=rate)
    books.subscription("2026-01-05", "started", 100, currency="USD")
    assert books.movements("2026-01") == {"new": 90, "arr": 90}
    assert books.movements("2026-02") == {"opening_arr": 90, "fx": 5, "arr": 95}
    books.subscription("2026-02-20", "upgraded", 200, currency="USD")
    assert books.movements("2026-02") == {"opening_arr": 90, "expansion": 95, "fx": 5, "arr": 190}


def test_a_rate_that_comes_late_values_what_was_there(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100, currency="USD")
    store = books.store()
    assert store.cursor().execute("SELECT minor, unvalued FROM movements WHERE product IS NULL").fetchall() == [
        (0, True)
    ]
    assert store.without_rate() == {"USD": 1}, "and that is said on every page"
    books.add("rate", "2025-12-01", date="2025-12-01", currency="USD", rate="0.5")
    assert books.movements("2026-01") == {"new": 50, "arr": 50}


def test_an_amount_without_a_rate_is_not_known_and_never_0(books: Books) -> None:
    """Who pays it is in no sum and no rate of money of that time, and that is told; it is a customer all the same."""
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-01-05", "started", 100, account="beta", currency="USD", term_end="2026-02-20")
    books.subscription("2026-02-10", "upgraded", 150)
    books.add("rate", "2026-02-15", date="2026-02-15", currency="USD", rate="0.5")
    books.add("cost", "2026-01-02", period="2026-01", kind="acquisition", amount=600, currency="USD")
    january = books.figures("2026-01", "arr", "arpa", "accounts", "new", "cac", "expansion_revenue_rate")
    assert (january["arr"].value, january["new"].value) == (120_000, 120_000)
    assert (january["arpa"].value, january["arpa"].n, january["arpa"].left_out) == (10_000, 1, 1)
    assert (january["accounts"].value, january["accounts"].left_out) == (2, 0), "that it is a customer is known"
    assert january["cac"].value is None, "a cost without a rate is no cost of 0"
    february = books.figures("2026-02", "nrr", "upsell_rate", "renewal_rate_arr", today="2026-03-30")
    assert (february["nrr"].value, february["nrr"].n, february["nrr"].left_out) == (1.5, 1, 1), "no growth from 0 to 50"
    assert february["upsell_rate"].value == 1
    march = books.figures("2026-03", "arr", "fx", "nrr", today="2026-03-10")
    assert (march["arr"].value, march["fx"].value, march["nrr"].left_out) == (240_000, 0, 0), "from here on it is known"


def test_an_amount_without_a_currency_is_kept_and_said_to_be_unusable(books: Books) -> None:
    books.subscription("2026-01-05", "started", amount=100)
    store = books.store()
    ((problem,),) = store.cursor().execute("SELECT problem FROM ledger").fetchall()
    assert "expected a currency" in problem


def test_segments_are_as_they_were_at_the_periods_start(books: Books) -> None:
    books.add("account", "2026-01-01", segment="smb")
    books.add("account", "2026-02-10", segment="enterprise")
    books.subscription("2026-01-05", "started", 100)
    books.subscription("2026-02-20", "upgraded", 150)
    assert books.figures("2026-02", "nrr", by="segment")["nrr", "smb"].value == 1.5
    assert books.figures("2026-03", "nrr", by="segment")["nrr", "enterprise"].value == 1


def test_periods_are_the_companys_days_not_utc() -> None:
    from zoneinfo import ZoneInfo

    books = Books(dataclasses.replace(RULES, zone=ZoneInfo("Asia/Tokyo")))
    books.subscription("2026-01-31T16:00:00Z", "started", 100)
    assert books.movements("2026-01") == {}
    assert books.movements("2026-02") == {"new": 100, "arr": 100}


def test_accounts_that_are_merged_are_one_from_their_beginning(books: Books) -> None:
    """Neither churn nor new: what was recorded under the alias counts for the account that has it."""
    books.subscription("2026-01-05", "started", 100, account="acme")
    books.subscription("2026-01-20", "started", 40, account="old-acme", subscription_id="s2")
    books.add("touchpoint", "2026-02-11", "old-acme", kind="call")
    books.add("ticket", "2026-02-12", "old-acme", ticket_id="t", status="opened")
    assert books.values("2026-02", "accounts", "new_accounts") == [2, 0]
    books.add("account", "2026-03-05", "acme", aliases=["old-acme"])
    assert books.movements("2026-01") == {"new": 100, "expansion": 40, "arr": 140}
    assert books.values("2026-02", "accounts", "churned_accounts", "logo_churn", "nrr") == [1, 0, 0, 1]
    assert books.values("2026-02", "customer_base_coverage", "support_incident_rate") == [1, 1]
    assert books.values("2026-03", "accounts", "churn", "new") == [1, 0, 0]


def test_the_same_subscription_under_an_alias_and_the_account_is_one(books: Books) -> None:
    """Billing named the customer by its own id at first."""
    books.subscription("2026-01-05", "started", 100, account="cus_1")
    books.subscription("2026-02-10", "upgraded", 130, account="acme")
    books.add("account", "2026-02-20", "acme", aliases=["cus_1"])
    assert books.movements("2026-02") == {"opening_arr": 100, "expansion": 30, "arr": 130}
    assert books.values("2026-02", "accounts") == [1]


def test_an_alias_leads_through_another_one_and_moved_subscriptions_follow(books: Books) -> None:
    books.add("account", "2026-01-01", "group", aliases=["acme"])
    books.add("account", "2026-01-02", "acme", aliases=["cus_1"])
    books.subscription("2026-01-05", "started", 100, account="cus_1")
    books.subscription("2026-01-06", "started", 60, account="other", subscription_id="s2")
    books.subscription("2026-02-10", "moved", account="other", subscription_id="s2", moved_to="acme")
    store = books.store()
    assert store.cursor().execute("SELECT DISTINCT account FROM intervals").fetchall() == [("group",)]
    assert books.movements("2026-02") == {"opening_arr": 160, "arr": 160}


def test_an_alias_that_is_taken_back_is_an_account_of_its_own_again(books: Books) -> None:
    books.subscription("2026-01-05", "started", 100, account="acme")
    books.subscription("2026-01-05", "started", 40, account="cus_2", subscription_id="s2")
    for at, (key, value) in enumerate([(b"cus_2", b'{"account_id": "acme"}'), (b"cus_2", None)]):
        body = link_body(key, value)
        assert body is not None
        books.events.append({"type": "alias", "timestamp": f"2026-02-0{1 + at}T00:00:00Z"} | json.loads(body))
        assert books.values("2026-01", "accounts") == [1 + at]
    assert link_body(b"", b"{}") is None


def test_a_payment_that_is_past_due_keeps_the_customer_until_it_is_cancelled_or_the_grace_is_over(books: Books) -> None:
    """Nothing is told of a bill that is open: the term is over, and the grace runs."""
    for account, gone in (("paid-late", None), ("gave-up", "2027-01-25"), ("silent", None)):
        books.subscription(
            "2026-01-05", "started", 100, account=account, subscription_id=account, term_end="2027-01-05"
        )
        if gone is not None:
            books.subscription(gone, "cancelled", account=account, subscription_id=account, involuntary=True)
    books.subscription(
        "2027-01-30", "renewed", 100, account="paid-late", subscription_id="paid-late", term_end="2028-01-05"
    )
    assert books.values("2027-01", "accounts", "churned_accounts", today="2027-01-24") == [3, 0]
    assert books.values("2027-01", "churn", "involuntary_churn") == [120_000, 120_000]
    assert books.movements("2027-02") == {"opening_arr": 200, "churn": 100, "arr": 100}
    assert books.values("2027-02", "involuntary_churn", "accounts") == [0, 1]
    assert books.values("2027-01", "renewal_rate") == [pytest.approx(1 / 3)]


def test_while_no_cost_of_a_period_is_told_what_it_cost_is_not_known_and_never_0(books: Books) -> None:
    for account, campaign in (("acme", "search"), ("beta", "webinar")):
        books.subscription("2026-01-05", "started", 100, account=account, subscription_id=account, campaign=campaign)
    books.subscription("2026-02-05", "started", 100, account="gamma", subscription_id="gamma", campaign="webinar")
    spent = {"kind": "acquisition", "campaign": "search", "amount": 300, "currency": "EUR"}
    books.add("cost", "2026-02-01", period="2026-01", **spent)
    assert books.values("2026-01", "cac", "crc") == [15_000, None]
    assert books.values("2026-02", "cac") == [None]
    by_campaign = books.figures("2026-01", "cac", by="campaign")
    assert {group: value.value for (_, group), value in by_campaign.items()} == {"search": 30_000, "webinar": 0}


def test_the_churn_of_a_quarter_that_runs_is_that_of_its_days_so_far(books: Books) -> None:
    """Taken for a whole quarter's, it made a customer worth three times as much in the quarter's first month."""
    for account in ("acme", "beta"):
        books.subscription("2026-01-05", "started", 100, account=account, subscription_id=account)
    books.subscription("2026-04-10", "cancelled", account="beta", subscription_id="beta")
    store, periods = books.store(), [parse_period("2026-Q2")]
    worth = [
        ask(Query(store.cursor(), RULES, day_number(date(2026, *day))), ["clv"], periods, None, 1.0)[0][1].value
        for day in ((4, 30), (6, 30))
    ]
    assert worth == [pytest.approx(10_000 / (0.5 / (30 / 30.4375))), pytest.approx(10_000 / (0.5 / 3))]
