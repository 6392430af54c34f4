"""The list of accounts: what is found, and in which order."""

import pytest

from consumers.board.portfolio import Place, Portfolio, Query, row_of
from stream.contracts.report import Profile
from tests.reports import make_report


def portfolio_of(*accounts: tuple[str, float | None, dict[str, object]]) -> Portfolio:
    portfolio = Portfolio()
    for place, (name, score, fields) in enumerate(accounts):
        before = fields.pop("before", None)
        profile = Profile(**({"name": name.title()} | fields))  # type: ignore[arg-type]
        report = make_report(name, score, profile=profile, score_7d_ago=before)
        portfolio.put(row_of(report, Place(0, place)))
    return portfolio


def three() -> Portfolio:
    return portfolio_of(
        ("acme", 80.0, {"segment": "smb", "owner": "Dana", "mrr": 500.0, "before": 81.0}),
        ("birch", 20.0, {"segment": "enterprise", "before": 60.0}),
        ("cedar", None, {"segment": "smb", "owner": "Eli", "mrr": 900.0}),
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), ["birch", "acme", "cedar"]),  # worst first, unknown last
        (Query(reverse=True), ["acme", "birch", "cedar"]),  # unknown stays last
        (Query(sort="movement"), ["birch", "acme", "cedar"]),
        (Query(sort="mrr"), ["cedar", "acme", "birch"]),  # the largest first, unknown last
        (Query(sort="name", reverse=True), ["cedar", "birch", "acme"]),
        (Query(search="DANA"), ["acme"]),  # the owner, whatever the case
        (Query(search="smb eli"), ["cedar"]),  # all words
        (Query(search="smb dana eli"), []),
        (Query(segment="smb"), ["acme", "cedar"]),
        (Query(owner="none"), ["birch"]),
        (Query(bands=frozenset({"critical", "unknown"})), ["birch", "cedar"]),
    ],
)
def test_a_query_finds_accounts_in_its_order(query: Query, expected: list[str]) -> None:
    assert [row.account_id for row in three().find(query).rows] == expected


def test_bands_are_counted_under_all_filters_but_their_own() -> None:
    listing = three().find(Query(segment="smb", bands=frozenset({"unknown"})))

    assert [row.account_id for row in listing.rows] == ["cedar"]
    assert dict(listing.bands) == {"healthy": 1, "unknown": 1}


def test_choices_are_counted_the_largest_first() -> None:
    segments, owners = three().choices()

    assert segments == [("smb", 2), ("enterprise", 1)]
    assert owners == [("Dana", 1), ("Eli", 1), ("none", 1)]


def test_a_row_keeps_the_days_of_its_history_in_their_places() -> None:
    row = row_of(make_report("acme", 42.4, past=[70.0, 60.6]), Place(1, 7))

    assert list(row.spark)[-4:] == [255, 70, 61, 42]
    assert len(row.spark) == 28
    assert row.place == Place(1, 7)
