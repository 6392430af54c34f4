"""The report as one HTML file: style and charts inside, no script, and nothing loaded from elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from heartline.backtest import charts
from heartline.backtest.conclusion import conclusion, interval_text
from heartline.backtest.labels import day_text
from heartline.backtest.life import Observed
from heartline.backtest.pages import PageRule, pages
from heartline.backtest.run import History
from heartline.backtest.study import PredictorFigures, ScorecardFigures, Study

SHOWN_ACCOUNTS: Final = 10
SHOWN_PROBLEMS: Final = 100


class ShownAccount(NamedTuple):
    """An account as the report shows it."""

    account_id: str
    right_share: float
    users: int
    first: str
    churned: str | None
    chart: Markup


def page(study: Study, history: History, now: datetime) -> str:
    """The report.

    Args:
        study: its figures.
        history: the lives, and what was left out.
        now: when it is made, aware.
    """
    environment = Environment(
        loader=PackageLoader("heartline.backtest"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["estimate"] = interval_text
    best, worst = _extremes(study, history.accounts)
    predictors = [*(found.predictor for found in study.scorecards), *study.baselines]
    known = [found for found in predictors if found.auroc is not None]
    return environment.get_template("backtest.html").render(
        study=study,
        predictors=predictors,
        summary=history.summary,
        problems=[*history.labels.problems, *history.summary.errors],
        shown_problems=SHOWN_PROBLEMS,
        label_problems=len(history.labels.problems),
        left_out=len(history.labels.left_out),
        sentences=conclusion(study),
        roc=_roc(known) if known else None,
        precision_recall=_precision_recall(known, study) if known else None,
        bands={found.predictor.name: _bands(found, study) for found in study.scorecards},
        best=best,
        worst=worst,
        now=now,
    )


def _roc(known: Sequence[PredictorFigures]) -> Markup:
    curves = [(found.name, found.roc) for found in known]
    return charts.square(curves, "false alarms", "churns found", "ROC curves", diagonal=True)


def _precision_recall(known: Sequence[PredictorFigures], study: Study) -> Markup:
    curves = [(found.name, found.precision_recall) for found in known]
    # The first few landmarks may be right by luck; the scale follows what holds for a tenth of the churns.
    high = max((y for _, points in curves for x, y in points if x >= 0.1), default=1.0)
    ceiling = min(max(high * 1.1, 2 * (study.base_rate or 0.5)), 1.0)
    label = "Precision over recall"
    return charts.square(curves, "churns found", "right of those named", label, diagonal=False, ceiling=ceiling)


def _bands(found: ScorecardFigures, study: Study) -> Markup:
    rows = [(row.band.replace("_", " "), row.risk) for row in found.bands]
    return charts.risk_bars(rows, study.base_rate or 0.0, f"Risk by band of {found.predictor.name}")


def _extremes(study: Study, accounts: Sequence[Observed]) -> tuple[list[ShownAccount], list[ShownAccount]]:
    """The accounts that the first scorecards rank best and worst; churned ones first among equals."""
    shares = study.scorecards[0].right_share if study.scorecards else {}
    names = [found.predictor.name for found in study.scorecards]
    ranked = sorted(
        shares.items(), key=lambda item: (-item[1], accounts[item[0]].churned_day is None, accounts[item[0]].life.days)
    )
    best = ranked[:SHOWN_ACCOUNTS]
    worst = [item for item in reversed(ranked) if item not in best][:SHOWN_ACCOUNTS]
    rule = study.page_rule
    return (
        [_shown(accounts[account_index], share, names, rule) for account_index, share in best],
        [_shown(accounts[account_index], share, names, rule) for account_index, share in worst],
    )


def _shown(account: Observed, share: float, names: Sequence[str], rule: PageRule) -> ShownAccount:
    life = account.life
    scores = [life.scores[name] for name in names]
    paged = pages(scores[0][: account.end_day - life.first_day + 1], rule)
    what = "retained" if account.churned_day is None else f"churned on {day_text(account.churned_day)}"
    label = f"Weekly users and scores of {life.account_id}, {what}"
    return ShownAccount(
        life.account_id,
        share,
        max((row.users for row in life.month_ends), default=0),
        day_text(life.first_day),
        None if account.churned_day is None else day_text(account.churned_day),
        charts.life(life.users, scores, life.first_day, account.churned_day, paged, label),
    )
