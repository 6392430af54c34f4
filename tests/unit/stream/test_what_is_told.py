"""Measures that there is nothing to make by are copied and not made: which must not be seen in any number."""

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import fields

from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.measures import measure
from stream.measures.account_view import AccountView, Availability
from stream.measures.catalogue import SCAN_FACTS
from stream.measures.context import MeasureContext
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.measures.registry import GROUPS, MeasureGroup
from stream.scoring.evaluation import WORDS, evaluate
from stream.scoring.shipped import DEFAULT
from tests.examples import examples
from tests.streams import CORE, FIRST_DAY, fold, make_stream

JOURNEYS = (
    NO_PRODUCT_CONFIG,
    ProductConfig(follow_up_ms=3 * DAY_MS),
    ProductConfig(frozenset({"export"}), ("import", "search"), launches=(("share", FIRST_DAY + 5),)),
)


@examples(100)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.integers(1, 200),
    span_days=st.sampled_from([1, 20, 42, 44, 60, 75, 120]),
    back_days=st.integers(0, 28),
    product=st.sampled_from(JOURNEYS),
    core=st.sampled_from([frozenset[str](), CORE]),
    kinds=st.sets(st.sampled_from(["usage", "ticket", "survey", "touchpoint", "outcome", "subscription", "account"])),
    some_first=st.booleans(),
)
@example(1, 200, 44, 0, NO_PRODUCT_CONFIG, CORE, {"usage"}, True)  # just old enough for champions
def test_every_measure_is_what_its_group_makes(
    seed: int,
    size: int,
    span_days: int,
    back_days: int,
    product: ProductConfig,
    core: frozenset[str],
    kinds: set[str],
    some_first: bool,
) -> None:
    """However much of them an evaluation was asked for before."""
    events = [event for event in make_stream(seed, size, span_days) if event["type"] in kinds]
    _, partition = fold(events)
    as_of_ms = end_of_day_ms(FIRST_DAY + span_days - 1 - min(back_days, span_days))
    for state in partition.states.values():
        context = MeasureContext(AccountView(state, as_of_ms, core, product), as_of_ms)
        made = {name: value for group in GROUPS for name, value in group.formula(context).items()}
        assert measure(state, as_of_ms, core, product) == made
        assert {name for name, value in made.items() if type(value) in (str, list)} <= set(WORDS), "names are put into"
        found = evaluate(state, as_of_ms, DEFAULT, core, product)
        if some_first:
            some = found.complete(SCAN_FACTS)
            assert {name: some[name] for name in SCAN_FACTS} == {name: made[name] for name in SCAN_FACTS}
        assert found.complete() == made


def test_each_group_is_left_out_of_some_account() -> None:
    """Or there would be nothing to compare above."""
    nothing = Availability(*[False for _ in fields(Availability)])
    everything = Availability(*[True for _ in fields(Availability)])

    def left_out(availability: Availability) -> list[MeasureGroup]:
        return [group for group in GROUPS if not group.available(availability)]

    assert left_out(nothing) == list(GROUPS)
    assert left_out(everything) == []
