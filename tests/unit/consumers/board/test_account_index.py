"""The list of accounts: what is found, and in which order."""

import pytest

from alerts.money import ONE_CURRENCY, MoneySettings
from consumers.board.account_index import AccountIndex, AccountQuery, RecordPosition, row_of
from stream.contracts.report import Profile
from tests.reports import make_report


def portfolio_of(*accounts: tuple[str, float | None, dict[str, object]]) -> AccountIndex:
    portfolio = AccountIndex()
    for position, (name, score, fields) in enumerate(accounts):
        before = fields.pop("before", None)
        profile = Profile(**({"name": name.title()} | fields))  # type: ignore[arg-type]
        report = make_report(name, score, profile=profile, score_7d_ago=before)
        portfolio.put(row_of(report, RecordPosition(0, position)))
    return portfolio


def three() -> AccountIndex:
    return portfolio_of(
        ("acme", 80.0, {"segment": "smb", "owner": "Dana", "mrr": 500.0, "before": 81.0}),
        ("birch", 20.0, {"segment": "enterprise", "before": 60.0}),
        ("cedar", None, {"segment": "smb", "owner": "Eli", "mrr": 900.0}),
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (AccountQuery(), ["birch", "acme", "cedar"]),  # worst first, unknown last
        (AccountQuery(reverse=True), ["acme", "birch", "cedar"]),  # unknown stays last
        (AccountQuery(sort="movement"), ["birch", "acme", "cedar"]),
        (AccountQuery(sort="mrr"), ["cedar", "acme", "birch"]),  # the largest first, unknown last
        (AccountQuery(sort="name", reverse=True), ["cedar", "birch", "acme"]),
        (AccountQuery(search="DANA"), ["acme"]),  # the owner, whatever the case
        (AccountQuery(search="smb eli"), ["cedar"]),  # all words
        (AccountQuery(search="smb dana eli"), []),
        (AccountQuery(segment="smb"), ["acme", "cedar"]),
        (AccountQuery(owner="none"), ["birch"]),
        (AccountQuery(bands=frozenset({"critical", "unknown"})), ["birch", "cedar"]),
    ],
)
def test_a_query_finds_accounts_in_its_order(query: AccountQuery, expected: list[str]) -> None:
    assert [row.account_id for row in three().find(query).rows] == expected


def test_bands_are_counted_under_all_filters_but_their_own() -> None:
    listing = three().find(AccountQuery(segment="smb", bands=frozenset({"unknown"})))

    assert [row.account_id for row in listing.rows] == ["cedar"]
    assert dict(listing.bands) == {"healthy": 1, "unknown": 1}
    assert listing.arr == {"healthy": {None: 6000.0}, "unknown": {None: 10800.0}}


def test_money_that_nobody_told_is_in_no_band() -> None:
    assert three().find(AccountQuery(segment="enterprise")).arr == {"critical": {}}


def test_what_is_at_risk_is_a_year_of_those_at_risk_and_unknown_without_any_amount() -> None:
    found = portfolio_of(
        ("acme", 30.0, {"mrr": 500.0}),
        ("birch", 20.0, {"mrr": 250.0}),
        ("cedar", 10.0, {}),
        ("delta", 90.0, {"mrr": 900.0}),
        ("ember", None, {"mrr": 700.0}),
    )
    assert (found.at_risk().arr, found.at_risk().accounts) == ({None: 9000.0}, 3)
    assert three().at_risk().arr == {}
    rows = {row.account_id: row.arr_at_risk for row in found.find(AccountQuery()).rows}
    assert rows == {"acme": 6000.0, "birch": 3000.0, "cedar": None, "delta": None, "ember": None}


def test_choices_are_counted_the_largest_first() -> None:
    segments, owners = three().choices()

    assert segments == [("smb", 2), ("enterprise", 1)]
    assert owners == [("Dana", 1), ("Eli", 1), ("none", 1)]


def test_a_row_keeps_the_days_of_its_history_in_their_places() -> None:
    row = row_of(make_report("acme", 42.4, past=[70.0, 60.6]), RecordPosition(1, 7))

    assert list(row.spark)[-4:] == [255, 70, 61, 42]
    assert len(row.spark) == 28
    assert row.position == RecordPosition(1, 7)


def test_euros_and_dollars_are_told_apart_and_never_added_up() -> None:
    index = paying(("acme", 500.0, "EUR"), ("birch", 100.0, "USD"), ("cedar", 1.0, "EUR"))
    both = {"EUR": 6012.0, "USD": 1200.0}
    assert index.at_risk().arr == both
    assert index.find(AccountQuery()).arr == {"critical": both}
    for reverse, expected in ((False, ["acme", "cedar", "birch"]), (True, ["cedar", "acme", "birch"])):
        by_money = index.find(AccountQuery(sort="mrr", reverse=reverse))
        assert [row.account_id for row in by_money.rows] == expected, "500 EUR and 100 USD have no order"


def test_revenue_of_several_currencies_is_ordered_by_the_rates_and_what_has_none_comes_after_it() -> None:
    index = paying(
        *(("acme", 500.0, "EUR"), ("birch", 520.0, "USD"), ("cedar", 9_000.0, "JPY"), ("delta", 530.0, None)),
        ("ember", 10.0, "USD"),
        money=MoneySettings(currency="USD", rates={"EUR": 1.1}),
    )
    for reverse, expected in (
        (False, ["acme", "delta", "birch", "ember", "cedar"]),
        (True, ["ember", "birch", "delta", "acme", "cedar"]),
    ):
        found = index.find(AccountQuery(sort="mrr", reverse=reverse)).rows
        assert [row.account_id for row in found] == expected, "500 EUR are 550 USD; 9,000 JPY nobody can tell"


def paying(*accounts: tuple[str, float, str | None], money: MoneySettings = ONE_CURRENCY) -> AccountIndex:
    """An index of (account, MRR, currency)."""
    index = AccountIndex(money)
    for offset, (name, mrr, currency) in enumerate(accounts):
        profile = Profile(mrr=mrr, currency=currency)
        report = make_report(name, 20.0, profile=profile, measures={"mrr_active": mrr})
        index.put(row_of(report, RecordPosition(0, offset)))
    return index
