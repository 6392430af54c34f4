"""What readers rest on, as two numbers: states keep them, so that another number publishes every account once more."""

from hashlib import blake2b
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from stream.calendar.day import end_of_day_ms
from stream.kinds.state import AccountState
from stream.measures import Measures, measure
from stream.measures.catalogue import DAY_FACTS, SCAN_FACTS
from stream.measures.product_config import ProductConfig
from stream.scoring.facts import facts_of, scan_facts
from tests.examples import examples
from tests.streams import CORE, FIRST_DAY, fold, make_stream

END_MS = end_of_day_ms(FIRST_DAY + 60)
PRODUCT = ProductConfig(frozenset({"export"}), ("import", "search"), launches=(("share", FIRST_DAY + 5),))


def number(values: list[Any]) -> int:
    encoded = json.encode(values, order="deterministic")
    return int.from_bytes(blake2b(encoded, digest_size=8).digest(), "big", signed=True)


def two_digits(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: two_digits(each) for key, each in value.items()}
    return float(f"{value:.2g}") if isinstance(value, float) else value


def plainly(measures: Measures, score: float | None) -> tuple[int, int]:
    """Both numbers, with nothing looked up, left out or encoded before."""
    read = [measures[name] for name in sorted(SCAN_FACTS)]
    read = [round(value, 2) if isinstance(value, float) else value for value in read]
    others = [two_digits(measures[name]) for name in sorted(DAY_FACTS - SCAN_FACTS)]
    whole, tenths = (None if score is None else round(score, digits) for digits in (None, 1))
    return number([whole, read]), number([tenths, read, others])


@examples(20)
@given(st.integers(0, 1 << 32), st.none() | st.floats(0, 100))
def test_facts_are_the_same_numbers_as_when_all_is_rounded_and_encoded_plainly(seed: int, score: float | None) -> None:
    _, partition = fold(make_stream(seed, 200, 60))
    for state in partition.states.values():
        found = measure(state, END_MS, CORE, PRODUCT)
        assert facts_of(found, score) == plainly(found, score)
        assert scan_facts(found, score) == plainly(found, score)[0]


def test_minus_nothing_is_another_number_than_nothing_whichever_came_first() -> None:
    """They are equal, so that a look-up would give the one for the other."""
    nobody = measure(AccountState(), END_MS)
    for value in (0.0, -0.0, 0.0, -0.126, 0.126):
        found = nobody | {
            "outcome_attainment": {"go live": value, "train": 0.5},
            "outcome_pace_min": value,
            "p_alive": value,
        }
        assert facts_of(found, value) == plainly(found, value)
