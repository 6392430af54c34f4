"""Which scorecard evaluates an account: by its segment, and by its lifecycle stage, given or derived."""

from stream.kinds.state import AccountState
from stream.measures import measure
from stream.measures.product_config import ProductConfig
from stream.scoring.scorecard import Scorecard, Scorecards

_STAGE = frozenset({"lifecycle_stage"})


def scorecard_for(
    scorecards: Scorecards, state: AccountState, as_of_ms: int, core_features: frozenset[str], product: ProductConfig
) -> Scorecard:
    """The first scorecard that is for the account; the stage is found out only where one asks for it.

    Args:
        scorecards: in the order they are asked.
        state: the account's facts.
        as_of_ms: the moment, epoch milliseconds.
        core_features: the product's catalogue.
        product: what the product counts as value, behind a derived stage.
    """
    if not scorecards.ask_for_stages:
        return scorecards.choose(state.profile)
    stage = measure(state, as_of_ms, core_features, product, _STAGE)["lifecycle_stage"]
    return scorecards.choose(state.profile, stage)
