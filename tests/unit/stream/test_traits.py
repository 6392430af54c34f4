"""Traits: what an account feed says beyond the contract is kept as far as it is small and plain, and bounded."""

from typing import Any

import pytest

from stream.kinds.account import TRAITS_MAX, AccountEvent, fold, traits_of
from stream.kinds.state import AccountState
from stream.scoring.evaluation import profile_of


def told(*updates: dict[str, Any]) -> AccountState:
    state = AccountState()
    for update in updates:
        fold(state, AccountEvent.model_validate({"type": "account", "account_id": "acme"} | update))
    return state


@pytest.mark.parametrize(
    ("field", "kept", "why"),
    [
        ({"plan_code": "gold"}, {"plan_code": "gold"}, "a text"),
        ({"seats_used": 12}, {"seats_used": 12}, "a number"),
        ({"is_reference": True}, {"is_reference": True}, "a flag"),
        ({"traits": {"region": "north"}}, {"region": "north"}, "or in a field of their own"),
        ({"name": "Acme"}, {}, "what the contract names is no trait"),
        ({"notes": "x" * 129}, {}, "a long text is not kept"),
        ({"contacts": ["ann"], "address": {"city": "Oslo"}}, {}, "nor is what has parts"),
        ({"Plan Code": "gold", "9lives": 1}, {}, "nor a name that no rule could write"),
        ({"ratio": float("nan")}, {}, "nor a number that is none"),
    ],
)
def test_what_is_small_and_plain_is_kept(field: dict[str, Any], kept: dict[str, Any], why: str) -> None:
    assert traits_of(told(field).profile) == kept, why


def test_the_newest_update_of_each_trait_holds_and_null_clears_it() -> None:
    state = told(
        {"timestamp": "2026-03-02T00:00:00Z", "plan_code": "gold", "tier": 2},
        {"timestamp": "2026-03-01T00:00:00Z", "plan_code": "tin"},
        {"timestamp": "2026-03-03T00:00:00Z", "tier": None},
    )
    assert traits_of(state.profile) == {"plan_code": "gold"}
    assert profile_of(state).traits == {"plan_code": "gold"}, "and the report says so"


def test_traits_are_bounded() -> None:
    state = told({f"field_{number}": number for number in range(TRAITS_MAX + 9)}, {"one_more": 1, "field_0": 7})
    assert len(traits_of(state.profile)) == TRAITS_MAX
    assert traits_of(state.profile)["field_0"] == 7, "those that are known go on"
