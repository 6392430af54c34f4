"""What the product's settings add to the measures: launches, follow-up time, key actions and weights."""

from typing import Any

import pytest
import yaml

from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.config.settings import ProductSettings, Settings, load
from stream.contracts.errors import ConfigError
from stream.kinds.state import AccountState
from stream.measures import measure
from stream.measures.product import product_config_from
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.scoring.evaluation import build_report
from stream.scoring.shipped import DEFAULT
from tests.streams import Raw, fold

DAY = 20_100


def state_of(*events: Raw) -> AccountState:
    _, partition = fold([{"account_id": "acme", "event_id": f"e{index}"} | event for index, event in enumerate(events)])
    return partition.states["acme"]


def use(day: int, feature: str, user: str = "ann") -> Raw:
    return {"type": "usage", "user_id": user, "feature": feature, "timestamp": day * DAY_MS}


def found(state: AccountState, day: int, product: ProductConfig = NO_PRODUCT_CONFIG) -> dict[str, Any]:
    return measure(state, end_of_day_ms(day), frozenset(), product)


def test_a_launch_is_taken_up_when_its_feature_is_first_used() -> None:
    state = state_of(use(DAY, "old"), use(DAY + 12, "new"), use(DAY + 3, "early"))
    product = ProductConfig(launches=(("new", DAY + 5), ("early", DAY + 9), ("never", DAY - 90), ("future", DAY + 99)))
    at = found(state, DAY + 20, product)
    assert at["launch_uptake_days"] == {"new": 7, "early": 0, "never": None}
    assert at["launches_unused"] == 1
    assert found(state, DAY + 11, product)["launch_uptake_days"]["new"] is None, "as of before its first use"
    assert found(state, DAY + 20)["launches_unused"] is None, "nothing is configured"
    before = ProductConfig(launches=(("old", DAY - 50),))
    assert found(state_of(use(DAY, "x"), use(DAY + 4, "old")), DAY + 9, before)["launch_uptake_days"] == {"old": 4}


ANSWERS: list[Raw] = [
    {"type": "survey", "survey": "nps", "user_id": user, "score": score, "timestamp": (DAY + day) * DAY_MS}
    for user, score, day in (("ann", 2, 0), ("ben", 10, 1), ("cid", 8, 0), ("dan", 3, 20), (None, 1, 0))
]


@pytest.mark.parametrize(
    ("touch", "opened", "oldest"),
    [
        (None, 3, 30),  # the passive of 8 asks for nothing, and an anonymous one can't be called
        ({"timestamp": (DAY + 25) * DAY_MS}, 3, 30),  # names nobody, as a newsletter: it answers nobody
        ({"timestamp": (DAY + 25) * DAY_MS, "user_id": "ann", "kind": "play"}, 3, 30),  # ours, and not theirs
        ({"timestamp": (DAY + 25) * DAY_MS, "user_id": "ann"}, 2, 29),
        ({"timestamp": (DAY + 25) * DAY_MS, "response_id": "e1"}, 2, 30),  # ben's
        ({"timestamp": (DAY + 25) * DAY_MS, "response_id": "e1", "user_id": "ann"}, 2, 30),  # the answer is the word
        ({"timestamp": (DAY - 1) * DAY_MS}, 3, 30),  # came before they said anything
        ({"timestamp": (DAY + 40) * DAY_MS}, 3, 30),  # has not happened yet
    ],
)
def test_an_answer_waits_until_a_touchpoint_follows_it_up(touch: Raw | None, opened: int, oldest: int) -> None:
    touches = [{"type": "touchpoint", "kind": "call"} | touch] if touch is not None else []
    at = found(state_of(*ANSWERS, *touches), DAY + 30, ProductConfig(follow_up_ms=2 * DAY_MS))
    assert (at["open_feedback"], at["open_feedback_days"]) == (opened, oldest)
    assert at["open_detractors"] + at["open_promoters"] == opened


def test_an_unhappy_answer_is_as_old_as_the_oldest_detractor_and_no_promoter_makes_it_older() -> None:
    touch: Raw = {"type": "touchpoint", "kind": "call", "user_id": "ann", "timestamp": (DAY + 25) * DAY_MS}
    at = found(state_of(*ANSWERS, touch), DAY + 30, ProductConfig(follow_up_ms=2 * DAY_MS))
    assert (at["open_feedback_days"], at["open_detractor_days"], at["open_detractor_users"]) == (29, 10, ["dan"])


def test_feedback_is_unknown_where_nobody_closes_loops_and_not_open_within_the_follow_up_time() -> None:
    state = state_of(*ANSWERS)
    assert found(state, DAY + 30)["open_feedback"] is None
    assert found(state, DAY + 30, ProductConfig(follow_up_ms=15 * DAY_MS))["open_feedback"] == 2, (
        "the newest may still wait"
    )


@pytest.mark.parametrize(
    ("age", "events", "stage"),
    [
        (10, [], "onboarding"),
        (200, [], "onboarding"),  # the key action was never used
        (30, [use(DAY + 20, "export")], "active"),
        (200, [use(DAY + 20, "export")], "active"),
        (100, [use(DAY + 20, "export"), {"type": "account", "renewal_at": (DAY + 150) * DAY_MS}], "renewing"),
        (50, [use(DAY + 20, "export"), {"type": "account", "renewal_at": (DAY + 60) * DAY_MS}], "active"),  # young
        (200, [{"type": "account", "lifecycle_stage": "trial"}], "trial"),  # as given
    ],
)
def test_the_first_value_ends_the_onboarding(age: int, events: list[Raw], stage: str) -> None:
    state = state_of(use(DAY, "login"), *events)
    assert found(state, DAY + age, ProductConfig(frozenset({"export"})))["lifecycle_stage"] == stage


@pytest.mark.parametrize(
    ("days_ago", "ahead", "stage"),
    [
        (300, 80, "renewing"),  # a year's term
        (20, 80, "active"),  # of a term of 100 days only the last 25
        (85, 20, "renewing"),
        (300, -20, "renewing"),  # overdue, and nobody said a word
        (300, -40, "active"),
    ],
)
def test_a_short_term_renews_in_its_last_quarter(days_ago: int, ahead: int, stage: str) -> None:
    now = DAY + 400
    term = {"type": "subscription", "subscription_id": "s", "status": "started", "timestamp": (now - days_ago) * DAY_MS}
    state = state_of(use(DAY, "login"), term | {"renewal_at": (now + ahead) * DAY_MS})
    assert found(state, now)["lifecycle_stage"] == stage
    assert found(state, now)["days_to_renewal"] == ahead


SUBSCRIBED: Raw = {
    "type": "subscription",
    "subscription_id": "s",
    "timestamp": (DAY + 10) * DAY_MS,
    "status": "started",
}
ENDED: Raw = SUBSCRIBED | {"timestamp": (DAY + 30) * DAY_MS, "status": "cancelled"}


@pytest.mark.parametrize(
    ("events", "day", "stage", "why"),
    [
        ([], 300, "active", "nothing else is known"),
        ([use(DAY + 250, "login")], 300, "returned", "half a year and more without any use"),
        ([use(DAY + 182, "login")], 200, "active", "half a year to the day is no absence"),
        ([use(DAY + 183, "login")], 200, "returned", "and a day more is one"),
        ([use(DAY + 250, "login")], 340, "active", "back for three months"),
        ([SUBSCRIBED | {"status": "cancelled"}], 300, "churned", "all has ended"),
        (
            [SUBSCRIBED | {"status": "cancelled"}, SUBSCRIBED | {"timestamp": (DAY + 280) * DAY_MS}],
            *(300, "returned", "subscribed again"),
        ),
        ([SUBSCRIBED | {"status": "trial_started"}], 20, "trial", "all that runs is a trial"),
        (
            [SUBSCRIBED | {"status": "trial_started"}, ENDED | {"status": "trial_expired"}],
            40,
            "expired_trial",
            "not bought",
        ),
        ([SUBSCRIBED | {"status": "trial_started"}, ENDED], 40, "expired_trial", "ended by hand, and never paid for"),
        ([SUBSCRIBED, ENDED], 40, "churned", "it was paid for"),
        ([SUBSCRIBED, ENDED | {"status": "paused"}], 40, "paused", "until it is resumed"),
        (
            [SUBSCRIBED, ENDED | {"status": "paused"}, ENDED | {"subscription_id": "t", "status": "started"}],
            *(40, "onboarding", "another one runs"),
        ),
        (
            [SUBSCRIBED, ENDED | {"status": "paused"}, ENDED | {"timestamp": (DAY + 35) * DAY_MS, "status": "resumed"}],
            *(40, "onboarding", "it is resumed"),
        ),
        ([{"type": "account", "lifecycle_stage": "ignored"}], 300, "ignored", "as given"),
    ],
)
def test_the_stage_follows_from_subscriptions_and_use(events: list[Raw], day: int, stage: str, why: str) -> None:
    assert found(state_of(use(DAY, "login"), *events), DAY + day)["lifecycle_stage"] == stage, why


@pytest.mark.parametrize("given", [True, False], ids=["as the feed says", "as its subscriptions say"])
def test_who_has_left_has_no_score_and_the_report_says_why(given: bool) -> None:
    left = {"type": "account", "lifecycle_stage": "churned"} if given else SUBSCRIBED | {"status": "cancelled"}
    used = [use(DAY + day, "login") for day in range(60)]
    stays = build_report("acme", state_of(*used), end_of_day_ms(DAY + 60), DEFAULT)
    gone = build_report("acme", state_of(*used, left), end_of_day_ms(DAY + 60), DEFAULT)
    assert stays.score is not None
    assert (gone.score, gone.band, gone.reason) == (None, "inactive", "churned, so it has no score")


def test_the_weights_of_engagement_are_the_settings() -> None:
    seats: Raw = {"type": "account", "licensed_seats": 2}
    state = state_of(seats, *[use(DAY + day, "login") for day in range(8)])
    assert found(state, DAY + 7)["engagement_score"] == 50  # half of the seats, half of a daily user's days
    only = {"license_utilization": 10.0, "frequency_30d": 0.0, "depth": 0.0, "session_minutes": 0.0}
    assert (
        found(state, DAY + 7, ProductConfig(engagement_weights=only | {"frequency_30d": 30.0}))["engagement_score"]
        == 50
    )
    assert found(state, DAY + 7, ProductConfig(engagement_weights=only))["engagement_score"] is None, (
        "one part is no mix"
    )


def test_the_settings_become_the_product_config() -> None:
    given = ProductSettings.model_validate(
        {"launches": {"new": "2025-01-12"}, "follow_up_days": 1.5, "engagement_weights": {"depth": 0}}
    )
    product = product_config_from(Settings(product=given))
    assert product.launches == (("new", 20_100),)
    assert product.follow_up_ms == 129_600_000
    assert product.engagement_weights == {
        **{"license_utilization": 30, "frequency_30d": 30, "depth": 0, "session_minutes": 15},
    }


@pytest.mark.parametrize(
    ("product", "words"),
    [
        ({"milestones": ["a", "b", "a"]}, ["product.milestones", "'a'", "1 and 3", "once", "can't come before itself"]),
        ({"milestones": ["a", ""]}, ["product.milestones", "position 2 is empty"]),
        ({"milestones": ["a", "subscription.sold"]}, ["product.milestones", "position 2", "subscription.upsell"]),
        ({"key_actions": ["a", "a"]}, ["product.key_actions", "'a'", "1 and 2"]),
        ({"core_features": ["x", "x"]}, ["product.core_features", "'x'"]),
        ({"launches": {"new": "soon"}}, ["product.launches.new", "'soon'", "date"]),
        ({"follow_up_days": 0}, ["product.follow_up_days", "0", "greater than 0"]),
        ({"engagement_weights": {"nps": 1}}, ["product.engagement_weights.nps", "not known here"]),
        (
            {"engagement_weights": {"license_utilization": 0, "frequency_30d": 0, "depth": 0}},
            ["product.engagement_weights", "at least two parts"],
        ),
    ],
)
def test_wrong_settings_are_refused_by_file_field_and_value(
    product: dict[str, Any], words: list[str], tmp_path: Any
) -> None:
    path = tmp_path / "heartline.yaml"
    path.write_text(yaml.safe_dump({"product": product}), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(Settings, path)
    for word in [str(path), *words]:
        assert word in str(caught.value)
