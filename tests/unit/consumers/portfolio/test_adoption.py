"""What account-days say: outcomes by band, use of features by plan, uptake of launches."""

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.portfolio.adoption import band_outcomes, feature_retention, feature_use, launch_stay, launch_uptake
from consumers.portfolio.days import day_number
from consumers.portfolio.members import members
from tests.examples import examples
from tests.unit.consumers.portfolio.books import Books

TODAY = date(2026, 6, 30)


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


def told(books: Books, account: str, days_ago: int, **more: object) -> None:
    books.add("account_day", ago(days_ago), account, day=ago(days_ago), **more)


def test_churn_and_expansion_are_set_against_the_band_ninety_days_before() -> None:
    books = Books()
    for account, band in (("acme", "critical"), ("beta", "critical"), ("gamma", "healthy"), ("delta", None)):
        books.subscription(ago(100), "started", 100, account=account)
        if band is not None:
            told(books, account, 91, band=band)
    books.subscription(ago(30), "cancelled", account="acme")
    books.subscription(ago(30), "upgraded", 150, account="gamma")
    cursor = books.store().cursor()
    found = {each.band: each for each in band_outcomes(cursor, day_number(TODAY))}
    behind = {band: members(cursor, "bands", band or "", day_number(TODAY)) for band in found}
    assert {band: len(accounts) for band, accounts in behind.items()} == {band: found[band].n for band in found}
    assert {(each.account, each.outcome) for each in behind["critical"]} == {("acme", "left"), ("beta", "stayed")}
    critical, healthy, unknown = found["critical"], found["healthy"], found[None]
    assert (critical.n, critical.churned, critical.expanded) == (2, 1, 0)
    assert critical.low < critical.churn_rate < critical.high
    assert (healthy.n, healthy.churned, healthy.expanded) == (1, 0, 1)
    assert unknown.n == 1


@given(st.integers(0, 100_000))
@examples(25)
def test_a_day_holds_until_the_next_one_and_for_a_week_at_most(seed: int) -> None:
    """Against a look at every day by itself; some days come twice, and in any order."""
    rng = random.Random(seed)
    books, bands = Books(), dict[int, str]()
    for number in rng.sample(range(60), 25) * 2:
        bands[number] = rng.choice(("healthy", "watch", "critical"))
        told(books, "acme", 100 - number, band=bands[number])
    spells = books.store().cursor().execute("SELECT band, from_day, to_day FROM bands").fetchall()
    first = day_number(TODAY) - 100
    for day in range(75):
        known = [at for at in bands if day - 7 < at <= day]
        expected = [bands[max(known)]] if known else []
        assert [band for band, begin, end in spells if begin <= first + day < end] == expected, day


def test_a_band_that_was_told_long_before_is_not_known() -> None:
    books = Books()
    books.subscription(ago(150), "started", 100)
    told(books, "acme", 120, band="healthy")
    assert [each.band for each in band_outcomes(books.store().cursor(), day_number(TODAY))] == [None]


def test_the_rarest_features_come_first_and_only_among_customers() -> None:
    books = Books()
    for account, plan, features in (
        ("acme", "team", ["reports", "exports"]),
        ("beta", "team", ["reports"]),
        ("gamma", "starter", ["reports"]),
    ):
        books.subscription(ago(100), "started", 100, account=account, plan=plan)
        told(books, account, 1, features=features)
    told(books, "nobody", 1, features=["exports"])
    cursor = books.store().cursor()
    used = [(each.feature, each.used_by, each.accounts) for each in feature_use(cursor, day_number(TODAY))]
    assert used == [("exports", 1, 3), ("reports", 3, 3)]
    behind = members(cursor, "feature", "exports", day_number(TODAY))
    assert {each.account: each.outcome for each in behind} == {
        **{"acme": "uses it", "beta": "does not", "gamma": "does not"}
    }
    assert [each.account for each in members(cursor, "feature", "exports", day_number(TODAY), group="starter")] == [
        "gamma"
    ]
    by_plan = {(each.plan, each.feature): each.rate for each in feature_use(cursor, day_number(TODAY), by_plan=True)}
    assert by_plan["team", "exports"] == 0.5
    assert by_plan["starter", "exports"] == 0


def test_uptake_tells_new_customers_apart_and_waits_until_the_days_have_passed() -> None:
    books = Books()
    books.subscription(ago(100), "started", 100, account="old")
    books.subscription(ago(100), "started", 100, account="idle")
    books.subscription(ago(20), "started", 100, account="new")
    told(books, "old", 30, features=["maps"])
    told(books, "new", 15, features=["maps"])
    found = launch_uptake(books.store().cursor(), {"maps": day_number(TODAY) - 40}, day_number(TODAY))
    by = {(each.days, each.is_new): (each.used, each.n) for each in found}
    assert (by[7, False], by[14, False], by[30, False]) == ((0, 2), (1, 2), (1, 2))
    assert (by[7, True], by[14, True]) == ((1, 1), (1, 1))
    assert by[60, False] == (0, 0)
    assert next(each for each in found if each.days == 60).rate is None


def test_who_used_a_feature_is_set_against_who_did_not() -> None:
    books = Books()
    for number in range(12):
        books.subscription(ago(100), "started", 100, account=f"a{number}")
        told(books, f"a{number}", 91, features=["maps"] if number < 6 else ["text"])
        if number in (0, 6, 7, 8):
            books.subscription(ago(30), "cancelled", account=f"a{number}")
    found = {each.feature: each for each in feature_retention(books.store().cursor(), day_number(TODAY))}
    maps = found["maps"]
    assert (maps.used_n, maps.used_stayed, maps.other_n, maps.other_stayed) == (6, 5, 6, 3)
    assert maps.difference == pytest.approx(5 / 6 - 3 / 6)
    assert maps.low is not None
    assert maps.low < 0, "six of each say little"


def test_of_those_who_took_a_launched_feature_up_it_is_told_who_stayed() -> None:
    books = Books()
    for number, later in enumerate((["maps"], [], ["maps"])):
        books.subscription(ago(300), "started", 100, account=f"a{number}")
        told(books, f"a{number}", 195, features=["maps"])
        told(books, f"a{number}", 110, features=later)
    books.subscription(ago(150), "cancelled", account="a2")
    launched = day_number(TODAY) - 200
    found = {
        (each.days, each.is_new): each
        for each in launch_stay(books.store().cursor(), {"maps": launched}, day_number(TODAY))
    }
    assert (found[90, False].n, found[90, False].stayed) == (3, 1)
    assert found[90, False].low is not None
    assert (found[365, False].n, found[365, False].rate) == (0, None)
