"""One account's report as of a moment."""

from msgspec import convert

from stream.account import AccountState, newest_ms, zone_of
from stream.health.changes import changes_since
from stream.health.memory import band_of, history, moment
from stream.health.reason import reason
from stream.health.standing import standing
from stream.journey import NO_JOURNEY, Journey
from stream.measures import measure
from stream.report import HealthReport, Profile
from stream.scorecard import Scorecard


def judge(
    account_id: str,
    state: AccountState,
    as_of_ms: int,
    scorecard: Scorecard,
    core_features: frozenset[str] = frozenset(),
    ingested_ms: int | None = None,
    journey: Journey = NO_JOURNEY,
) -> HealthReport:
    """Judge one account as of a moment.

    Args:
        account_id: the account.
        state: its facts; `state.judged` gives the history and the band until now, and is not changed.
        as_of_ms: the moment, epoch milliseconds; not before the newest event by more than a few days.
        scorecard: what counts.
        core_features: the product's catalogue.
        ingested_ms: Kafka's timestamp of the oldest record this report waited for; None for a tick.
        journey: the product's key actions and milestones.
    """
    measures = measure(state, as_of_ms, core_features, journey)
    now = standing(state, measures, scorecard)
    score = now.score
    score_before, changes = changes_since(state, as_of_ms, scorecard, core_features, now, journey)
    day = zone_of(state).day_of(as_of_ms)
    newest = newest_ms(state)
    return HealthReport(
        account_id=account_id,
        as_of=moment(as_of_ms),
        score=score,
        band=band_of(state.judged, score, day, scorecard),
        coverage_ratio=round(now.coverage_ratio, 4),
        scorecard=scorecard.name,
        reason=reason(score, score_before, now.found, changes, scorecard, now.caps),
        contributions=now.found,
        score_7d_ago=score_before,
        changes_7d=changes,
        history=history(state, day, score),
        measures=measures,
        profile=profile_of(state),
        last_event_at=moment(newest) if newest is not None else None,
        ingested_at=moment(ingested_ms) if ingested_ms is not None else None,
        caps=now.caps,
    )


def profile_of(state: AccountState) -> Profile:
    """What the account feed says, as far as the report carries it."""
    known = {name: value for name, (value, _) in state.profile.items() if name in Profile.__struct_fields__}
    return convert(known, Profile)
