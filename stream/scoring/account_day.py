"""How an account stood at the end of a day that is over."""

from datetime import date
from typing import Final

from stream.calendar.day import iso_date
from stream.contracts.account_day import AccountDay
from stream.history.windows import WEEK_DAYS
from stream.kinds.state import AccountState
from stream.kinds.subscription import seats_of
from stream.measures.catalogue import measured
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.scoring.band_history import moment
from stream.scoring.evaluation import evaluate
from stream.scoring.scorecard import Scorecards
from stream.scoring.scorecard_selection import scorecard_for

# As of how many days before today the facts still tell exactly what was; what comes later changes no day that is over.
REACH_DAYS: Final = 28

_MEASURES: Final = frozenset({"feature_status", "lifecycle_stage", "time_to_first_value_days"})


def close_day(
    account_id: str,
    state: AccountState,
    end_ms: int,
    scorecards: Scorecards,
    core_features: frozenset[str] = frozenset(),
    product: ProductConfig = NO_PRODUCT_CONFIG,
) -> AccountDay:
    """The account at the end of a day, by what is known now.

    Args:
        account_id: the account.
        state: its facts; not changed.
        end_ms: the day's last millisecond, at most `REACH_DAYS` before the newest event.
        scorecards: what counts, for whom.
        core_features: the product's catalogue.
        product: its key actions and milestones.
    """
    scorecard = scorecard_for(scorecards, state, end_ms, core_features, product)
    found = evaluate(state, end_ms, scorecard, core_features, product)
    context = found.context
    measures = measured(context, _MEASURES)
    profile = found.profile()
    used = [name for name, status in measures["feature_status"].items() if status == "used"]
    days = measures["time_to_first_value_days"]
    sold = seats_of(context.terms)
    return AccountDay(
        account_id,
        date.fromisoformat(iso_date(found.day)),
        moment(end_ms),
        score=found.score,
        band=found.band,
        stage=measures["lifecycle_stage"],
        owner=profile.owner,
        segment=profile.segment,
        mau=context.mau,
        wau=context.active(WEEK_DAYS),
        seats=profile.licensed_seats if sold is None else sold,
        features=sorted(used),
        coverage_ratio=found.coverage_ratio,
        time_to_first_value_days=None if days is None else round(days, 3),
    )
