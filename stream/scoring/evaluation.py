"""One account's evaluation as of a moment: the cheap evaluation that tells whether there is news, and the report."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from msgspec import Struct, convert

from stream.contracts.health_override import HealthOverride, in_force
from stream.contracts.report import Band, Freshness, HealthReport, Profile
from stream.kinds.account import traits_of
from stream.kinds.state import AccountState, newest_ms
from stream.kinds.subscription import Term, money_of, seats_of, terms
from stream.kinds.user import names_in, with_names
from stream.measures import Measures
from stream.measures.account_view import AccountView
from stream.measures.catalogue import completed, measured
from stream.measures.context import MeasureContext
from stream.measures.goals import goal_progress
from stream.measures.product_config import NO_PRODUCT_CONFIG, ProductConfig
from stream.measures.registry import MEASURES
from stream.scoring.band_history import band_of, closings, history, moment
from stream.scoring.changes import FORTNIGHT_DAYS, MONTH_DAYS, WEEK_DAYS, Verdict, compare, parts_of
from stream.scoring.override import overridden, overridden_band, override_of
from stream.scoring.reason import choose_comparison, reason
from stream.scoring.result import ScoreResult, active_lines, break_down, compute_score
from stream.scoring.scorecard import Scorecard

_ALL: Final = frozenset(MEASURES)
# All that can name a user.
WORDS: Final = tuple(name for name, declared in MEASURES.items() if declared.unit in ("word", "list"))
_PROFILE_FIELDS: Final = frozenset(Profile.__struct_fields__)
NO_PROFILE: Final = Profile()


class Evaluation(Struct, gc=False):
    """What an evaluation comes to, without what a report tells of it.

    Attributes:
        score, band: what counts: the override's while one holds, else the scorecard's.
        coverage_ratio: share of the scorecard's weight that has data.
        scorecard: which one evaluated.
        day: the account's day of the moment.
        override: the override that holds; None without one.
        closings: the closing scores that a report's comparisons are with.
    """

    score: float | None
    band: Band
    coverage_ratio: float
    scorecard: str
    day: int
    override: HealthOverride | None
    closings: tuple[float | None, ...]


class DetailedEvaluation(Evaluation, gc=False):
    """An evaluation with what it rests on, for a report that goes on from there.

    Attributes:
        context: the account as of the moment.
        wanted: the measures that were asked for so far: those that the scorecard needs, until `complete`.
        measures: these.
        result: what the scorecard makes of them.
        facts: from `scoring.facts`; None: nobody asked yet.
        known_profile: from `profile`; None: nobody asked yet.
    """

    context: MeasureContext
    wanted: frozenset[str]
    measures: Measures
    result: ScoreResult
    facts: tuple[int, int] | None = None
    known_profile: Profile | None = None

    def complete(self, of: frozenset[str] | None = None) -> Measures:
        """All measures as of the moment, or some with others; what was made before is not made again.

        Args:
            of: ids of those that are asked for; None: all.
        """
        if self.wanted is not _ALL:
            self.measures = completed(self.context, self.wanted, self.measures, of)
            self.wanted = _ALL if of is None else _union(self.wanted, of)
        return self.measures

    def profile(self) -> Profile:
        """What the account feed and the subscriptions say as of the moment, as `profile_of`; it is made once."""
        if self.known_profile is None:
            self.known_profile = _profile(self.context.state.profile, self.context.terms)
        return self.known_profile


def evaluate(
    state: AccountState,
    as_of_ms: int,
    scorecard: Scorecard,
    core_features: frozenset[str] = frozenset(),
    product: ProductConfig = NO_PRODUCT_CONFIG,
) -> DetailedEvaluation:
    """Score and band of an account as of a moment, as `build_report` says them, from the scorecard's measures alone."""
    account = AccountView(state, as_of_ms, core_features, product)
    context = MeasureContext(account, as_of_ms)
    active = active_lines(account, context.days_known, scorecard)
    measures = measured(context, active.measures)
    result = compute_score(context, active, measures, scorecard)
    override = in_force(state.overrides, as_of_ms) if state.overrides else None
    score = overridden(override, result.score, scorecard)
    day = context.day
    band = (
        band_of(state.published, score, day, scorecard, is_inactive=score is None and result.is_inactive)
        if override is None or score is None
        else overridden_band(override, score, scorecard)
    )
    return DetailedEvaluation(
        score,
        band,
        round(result.coverage_ratio, 4),
        scorecard.name,
        day,
        override,
        closings(state, day),
        context,
        active.measures,
        measures,
        result,
    )


def build_report(
    account_id: str,
    state: AccountState,
    as_of_ms: int,
    scorecard: Scorecard,
    core_features: frozenset[str] = frozenset(),
    ingested_ms: int | None = None,
    product: ProductConfig = NO_PRODUCT_CONFIG,
    found: DetailedEvaluation | None = None,
    freshness: dict[str, Freshness] | None = None,
) -> HealthReport:
    """Evaluate one account as of a moment.

    Args:
        account_id: the account.
        state: its facts; `state.published` gives the history and the band until now, and is not changed.
        as_of_ms: the moment, epoch milliseconds; not before the newest event by more than a few days.
        scorecard: what counts.
        core_features: the product's catalogue.
        ingested_ms: Kafka's timestamp of the oldest record this report waited for; None for a tick.
        product: the product's key actions and milestones.
        found: what `evaluate` says of the same state, moment, scorecard and product; None: it is asked here.
        freshness: how recent each source is, from `freshness_of`; None: it was not looked at.
    """
    if found is None:
        found = evaluate(state, as_of_ms, scorecard, core_features, product)
    context, day, override = found.context, found.day, found.override
    measures = found.complete()
    breakdown = break_down(found.result, measures)
    now = Verdict(
        found.result, breakdown, override, found.score, parts_of(found.result, breakdown.caps, override, found.score)
    )
    model_band = found.band
    if override is not None:
        model_band = band_of(state.published, breakdown.score, day, scorecard, is_inactive=found.result.is_inactive)
    week = compare(context, WEEK_DAYS, now, measures, scorecard)
    month = compare(context, MONTH_DAYS, now, measures, scorecard)
    comparison = choose_comparison(
        now.score, week, month, lambda: compare(context, FORTNIGHT_DAYS, now, measures, scorecard)
    )
    newest = newest_ms(state)
    words = {name: measures[name] for name in WORDS} if state.user.people else {}
    names = names_in(state.user, words)
    told = measures | with_names(words, names) if names else measures
    return HealthReport(
        account_id=account_id,
        as_of=moment(as_of_ms),
        score=now.score,
        band=found.band,
        coverage_ratio=found.coverage_ratio,
        scorecard=scorecard.name,
        reason=reason(now, comparison, week, told, scorecard, model_band),
        contributions=breakdown.found,
        score_7d_ago=week.score if week is not None else None,
        changes_7d=week.changes if week is not None else [],
        history=history(state, day, now.score),
        measures=measures,
        profile=found.profile(),
        names=names,
        freshness=freshness or {},
        recount_7d=week.recount if week is not None else None,
        last_event_at=moment(newest) if newest is not None else None,
        ingested_at=moment(ingested_ms) if ingested_ms is not None else None,
        caps=breakdown.caps,
        score_28d_ago=month.score if month is not None else None,
        changes_28d=month.changes if month is not None else [],
        reason_days=comparison.days if comparison is not None else None,
        override=override_of(override) if override is not None else None,
        model_score=breakdown.score if override is not None else None,
        model_band=model_band if override is not None else None,
        goals=goal_progress(state, as_of_ms, measures),
    )


def profile_of(state: AccountState, as_of_ms: int | None = None) -> Profile:
    """What the account feed says, as far as the report carries it, and where it is silent what the subscriptions say.

    Args:
        state: the account's facts.
        as_of_ms: the moment; None: the newest one that is known of.
    """
    moment_ms = as_of_ms if as_of_ms is not None else newest_ms(state) or 0
    return _profile(state.profile, terms(state.subscription, moment_ms))


def _profile(feed: Mapping[str, tuple[Any, int]], subscriptions: list[Term]) -> Profile:
    """The same of what the feed told, and of what the subscriptions are."""
    if not feed and not subscriptions:
        return NO_PROFILE
    known = {name: value for name, (value, _) in feed.items() if name in _PROFILE_FIELDS}
    if subscriptions:
        running = [each for each in subscriptions if each.is_running]
        renewals = [each.renewal_ms for each in running if each.renewal_ms is not None]
        mrr, currency = money_of(running)
        said = {
            "licensed_seats": seats_of(running),
            "renewal_at": moment(min(renewals)) if renewals else None,
            "mrr": mrr,
        }
        known |= {name: value for name, value in said.items() if known.get(name) is None and value is not None}
        if mrr is not None:
            known["currency"] = currency
    if traits := traits_of(feed):
        known["traits"] = traits
    return convert(known, Profile)


@cache
def _union(some: frozenset[str], others: frozenset[str]) -> frozenset[str]:
    """Both; remembered, so that it is hashed once."""
    return some | others
