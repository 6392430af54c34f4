"""What may be concluded from a backtest of this size, in sentences: pure."""

from heartline.backtest.statistics import Estimate
from heartline.backtest.study import CHURNS_MIN, ScorecardFigures, Study

_CHANCE = 0.5


def conclusion(study: Study) -> list[str]:
    """A paragraph's sentences, the most important one first."""
    if not study.is_large_enough:
        return [
            f"{_counted(study.churned_accounts, 'account')} churned within {study.horizon_days} days of a month-end"
            f" with a score, and at least {CHURNS_MIN} are needed before a figure says more than chance does: so there"
            " are counts here and no AUROC.",
            "The risk by band and the pages below are what happened, and no more than that.",
        ]
    sentences = [
        sentence for figures in study.scorecards if (sentence := _about(figures, study.churned_accounts)) is not None
    ]
    sentences += _against_baselines(study) + _between(study)
    return [*sentences, *_limits(study)]


def interval_text(found: Estimate | None, digits: int = 3) -> str:
    """A figure and its interval as people read them.

    >>> interval_text(Estimate(0.7164, None)), interval_text(None)
    ('0.716', 'unknown')
    """
    if found is None:
        return "unknown"
    around = "" if found.interval is None else f" [{found.interval.low:.{digits}f}, {found.interval.high:.{digits}f}]"
    return f"{found.value:.{digits}f}{around}"


def _about(figures: ScorecardFigures, churned: int) -> str | None:
    name, area = figures.predictor.name, figures.predictor.auroc
    if area is None or area.interval is None:
        return None
    sentence = f"{name} ranks {area.value:.0%} of the pairs of a month-end before a churn and another one right"
    low, high = area.interval
    within = f"with {churned} churned accounts the true share lies between {low:.0%} and {high:.0%}, as far as"
    if low > _CHANCE:
        meaning = "these accounts resemble those to come: it tells more than chance"
    elif high < _CHANCE:
        meaning = "these accounts resemble those to come: it ranks worse than chance, so it must not be used"
    else:
        meaning = "these accounts resemble those to come: that is not told apart from chance, 50%"
    return f"{sentence}; {within} {meaning}."


def _against_baselines(study: Study) -> list[str]:
    """Against the best of the baselines, of which the best was chosen on the same accounts."""
    found = []
    for figures in study.scorecards:
        gain = figures.above_baseline
        if gain is None or gain.interval is None or figures.best_baseline is None:
            continue
        name, best = figures.predictor.name, figures.best_baseline
        if gain.interval.low > 0:
            sentence = f"{name} is better than the best baseline, {best!r}, by {interval_text(gain)} of AUROC."
        elif gain.interval.high < 0:
            sentence = (
                f"{name} is worse than a baseline: {best!r} is better by {-gain.value:.3f} of AUROC"
                f" [{-gain.interval.high:.3f}, {-gain.interval.low:.3f}]."
            )
        else:
            sentence = (
                f"{name} and the best baseline, {best!r}, are not told apart at this size"
                f" (difference {interval_text(gain)})."
            )
        found.append(sentence)
    return found


def _between(study: Study) -> list[str]:
    """The first scorecard against each other one."""
    found = []
    first = study.scorecards[0]
    for other in study.scorecards[1:]:
        gain = other.above_first
        if gain is None or gain.interval is None:
            continue
        names = f"{other.predictor.name} and {first.predictor.name}"
        if gain.interval.low <= 0 <= gain.interval.high:
            found.append(f"{names} are not told apart (difference {interval_text(gain)}).")
        else:
            better = other if gain.value > 0 else first
            found.append(f"Of {names}, {better.predictor.name} is the better one (difference {interval_text(gain)}).")
    return found


def _limits(study: Study) -> list[str]:
    """What the figures do not say."""
    found = [
        f"A month-end is followed by a churn within {study.horizon_days} days in {study.base_rate or 0:.1%} of the"
        " cases, so most accounts in a bad band do not leave within the horizon: a low score is a reason to look, and"
        " no verdict."
    ]
    if study.churned_accounts < 30:
        found.append(
            f"{study.churned_accounts} churned accounts are few: differences of less than about 0.1 of AUROC are not"
            " seen at this size, and figures by segment hardly ever."
        )
    return found


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"
