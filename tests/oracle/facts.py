"""Compares what the worker knows of accounts, or says of them, with the batch."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stream.kinds.state import AccountState
from stream.measures import measure
from tests.oracle.batch import Measures


def differences(
    found: Mapping[str, Any], expected: Mapping[str, Any], without: Collection[str] = ()
) -> dict[str, tuple[Any, Any]]:
    """Measure id to (found, expected) wherever they differ, for every measure that the batch has."""
    return {
        name: (found.get(name), value)
        for name, value in expected.items()
        if name not in without and not alike(found.get(name), value)
    }


def state_differences(
    states: Mapping[str, AccountState],
    expected: Measures,
    as_of_ms: int,
    core_features: frozenset[str] = frozenset(),
    without: Collection[str] = (),
) -> dict[str, dict[str, tuple[Any, Any]]]:
    """The same for account states, as decoded from a changelog say; accounts that are on one side only differ, too."""
    wrong = {
        account_id: differences(measure(states[account_id], as_of_ms, core_features), expected[account_id], without)
        for account_id in states.keys() & expected.keys()
    }
    for account_id in states.keys() ^ expected.keys():
        wrong[account_id] = {"account": (account_id in states, account_id in expected)}
    return {account_id: values for account_id, values in wrong.items() if values}


def alike(found: Any, expected: Any) -> bool:
    """Equal, floats but for the order of their sums; None is only like None, and 0 is not None."""
    if found is None or expected is None:
        return found is expected
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(alike(found[name], value) for name, value in expected.items())
    if isinstance(expected, str | list) or isinstance(found, str | list):
        return bool(found == expected)
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)


def all_names(expected: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every measure that the batch has for any account."""
    return {name for values in expected for name in values}
