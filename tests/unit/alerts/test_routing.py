"""Routes: who is told, by which route, and why the others were passed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.money import MoneySettings
from alerts.routing import Between, Condition, OneOf, RenewsWithin, Route, Routes, Subject, everything_to

ENTERPRISE = OneOf("segment", ("enterprise",))
CRITICAL = OneOf("severity", ("critical",))
MONEY = MoneySettings(currency="USD", rates={"EUR": 1.1})
EUR = MoneySettings(currency="EUR")
NO_EUR = "mrr is 101 EUR, and money.rates has no EUR"
LARGE = Between(at_least=10_000)

TREE = Routes(
    (
        Route("audit", ("log",), (OneOf("rule", ("score_dropped", "silence")),), goes_on=True),
        Route(
            "enterprise",
            ("enterprise-slack",),
            (ENTERPRISE,),
            routes=(
                Route("enterprise, critical", ("pager", "enterprise-slack"), (CRITICAL,), goes_on=True),
                Route("enterprise, large", ("vp-mail",), (LARGE,)),
            ),
        ),
        Route("trials", (), (OneOf("lifecycle_stage", ("trial",)),)),
        Route("dana's", ("dana-mail",), (OneOf("owner", ("Dana Fields", "none")),)),
        Route("everything else", ("slack",)),
    )
)


def subject(**fields: str | float | None) -> Subject:
    plain: dict[str, str | float | None] = {"rule": "band_entered", "severity": "warning", "owner": "Ada"}
    return Subject(**(plain | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("about", "routed"),
    [
        (subject(), ("slack",)),  # no route of its own: the last one takes everything
        (subject(owner="Dana Fields"), ("dana-mail",)),
        (subject(owner=None), ("dana-mail",)),  # `none`: the feed names no owner
        (subject(owner="dana fields"), ("slack",)),  # values are compared as they are
        (subject(lifecycle_stage="trial"), ()),  # told to nobody, on purpose
        (subject(segment="enterprise"), ("enterprise-slack",)),  # no nested route matches: its own receivers
        (subject(segment="enterprise", severity="critical"), ("pager", "enterprise-slack")),
        (subject(segment="enterprise", mrr=10_000.0), ("vp-mail",)),  # bounds are included
        (subject(segment="enterprise", mrr=9_999.0), ("enterprise-slack",)),
        (subject(segment="enterprise", mrr=None), ("enterprise-slack",)),  # unknown is within no bound
        (subject(segment="enterprise", severity="critical", mrr=2e4), ("pager", "enterprise-slack", "vp-mail")),
        (subject(rule="silence"), ("log", "slack")),  # `continue`: the routes after it are tried as well
        (subject(rule="silence", segment="enterprise"), ("log", "enterprise-slack")),
    ],
)
def test_who_is_told(about: Subject, routed: tuple[str, ...]) -> None:
    assert TREE.decide(about).receivers == routed


def test_each_decision_says_why() -> None:
    """Whom, by which route, for what; and what the routes before it objected to."""
    decision = TREE.decide(subject(segment="enterprise", severity="critical", mrr=500.0))
    assert [(routed.receiver, routed.route, routed.reason) for routed in decision.routed] == [
        ("pager", "enterprise, critical", "segment is enterprise and severity is critical"),
        ("enterprise-slack", "enterprise, critical", "segment is enterprise and severity is critical"),
    ]
    assert decision.passed == (
        ("audit", "rule is band_entered, not score_dropped or silence"),
        ("enterprise, large", "mrr is 500, below 10000"),
    )


def test_nobody_on_purpose_and_nobody_by_omission_are_told_apart() -> None:
    assert TREE.decide(subject(lifecycle_stage="trial")).silent == ("trials",)
    forgotten = Routes((Route("enterprise", ("pager",), (ENTERPRISE,)),)).decide(subject())
    assert (forgotten.routed, forgotten.silent) == ((), ())
    assert forgotten.passed == (("enterprise", "segment is unknown, not enterprise"),)


@pytest.mark.parametrize(
    ("condition", "objection"),
    [
        (Between(at_most=100, money=EUR), "mrr is 101 EUR, above 100 EUR"),
        (Between(at_least=0, at_most=50, money=EUR), "mrr is 101 EUR, above 50 EUR"),
        (Between(at_least=200, money=EUR), "mrr is 101 EUR, below 200 EUR"),
        (Between(at_least=200, money=MONEY), "mrr is 101 EUR (111.1 USD), below 200 USD"),
        (Between(at_least=110, at_most=112, money=MONEY), None),  # 101 would be below
        (Between(at_least=0, money=MoneySettings(currency="CHF")), f"{NO_EUR}, so that it compares with no bound"),
        (Between(at_most=1e9, money=MoneySettings(currency="CHF")), f"{NO_EUR}, so that it compares with no bound"),
        (OneOf("band", ("unknown",)), "band is at_risk, not unknown"),
        (OneOf("account", ("acme", "globex")), "account is unknown, not acme or globex"),
        (RenewsWithin(60), "it renews in 61 days, not within 60"),
        (RenewsWithin(61), None),
    ],
)
def test_an_objection_names_field_value_and_what_was_wanted(condition: Condition, objection: str | None) -> None:
    assert condition.objection(subject(mrr=101.0, currency="EUR", band="at_risk", days_to_renewal=61)) == objection


def test_a_renewal_that_is_overdue_is_near_and_an_unknown_one_is_not() -> None:
    assert RenewsWithin(30).objection(subject(days_to_renewal=-4)) is None
    assert RenewsWithin(30).objection(subject()) == "the renewal is unknown"


def test_everything_to_nobody_is_no_route() -> None:
    assert everything_to().decide(subject()).routed == ()
    assert everything_to("a", "b").decide(subject()).receivers == ("a", "b")
    assert TREE.receivers() == {"log", "pager", "enterprise-slack", "vp-mail", "dana-mail", "slack"}


_WORDS = st.sampled_from(["a", "b", "c"])
_CONDITIONS = st.lists(
    st.builds(OneOf, st.sampled_from(["segment", "owner", "rule"]), st.lists(_WORDS, min_size=1).map(tuple)), max_size=2
).map(tuple)
_ROUTES = st.recursive(
    st.builds(Route, _WORDS, st.lists(_WORDS, max_size=2).map(tuple), _CONDITIONS, st.booleans()),
    lambda inner: st.builds(
        Route, _WORDS, st.lists(_WORDS, max_size=2).map(tuple), _CONDITIONS, st.booleans(), st.lists(inner).map(tuple)
    ),
    max_leaves=8,
)
_SUBJECTS = st.builds(Subject, rule=_WORDS, severity=_WORDS, segment=st.none() | _WORDS, owner=st.none() | _WORDS)


def expected(routes: tuple[Route, ...], about: Subject) -> list[str]:
    """Receivers by the definition, written the other way round: each route's verdict first, then who may speak."""
    takes = [all(c.objection(about) is None for c in route.conditions) for route in routes]
    found: list[str] = []
    for at, route in enumerate(routes):
        stopped = any(takes[before] and not routes[before].goes_on for before in range(at))
        if takes[at] and not stopped:
            nested = any(all(c.objection(about) is None for c in child.conditions) for child in route.routes)
            found += expected(route.routes, about) if nested else route.receivers
    return list(dict.fromkeys(found))


@given(st.lists(_ROUTES, max_size=4).map(tuple), _SUBJECTS)
def test_the_tree_is_walked_as_defined(routes: tuple[Route, ...], about: Subject) -> None:
    assert list(Routes(routes).decide(about).receivers) == expected(routes, about)
