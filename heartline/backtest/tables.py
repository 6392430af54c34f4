"""The figures of a backtest as tables on a terminal."""

from rich.table import Table

from heartline.backtest.conclusion import interval_text
from heartline.backtest.study import Study


def predictor_table(study: Study) -> Table:
    """Scorecards, then baselines, with what they tell apart."""
    table = _table("predictor", "AUROC", "average precision", "C-index")
    rows = [*(found.predictor for found in study.scorecards), *study.baselines]
    for index, found in enumerate(rows):
        table.add_row(
            found.name,
            interval_text(found.auroc),
            interval_text(found.average_precision),
            "unknown" if found.concordance is None else f"{found.concordance:.3f}",
            style="" if index < len(study.scorecards) else "dim",
        )
    table.add_row("chance", "0.500", f"{study.base_rate or 0:.3f}", "0.500", style="dim")
    return table


def band_table(study: Study) -> Table:
    """The risk by band, one column a scorecard."""
    names = [found.predictor.name for found in study.scorecards]
    table = _table("band", *(f"risk by {name}" for name in names))
    for rows in zip(*(found.bands for found in study.scorecards), strict=True):
        cells = []
        for row in rows:
            share = "" if row.risk is None else f"{_percent(row.risk.value)} "
            between = row.risk.interval if row.risk is not None else None
            around = "" if between is None else f"[{_percent(between.low)}, {_percent(between.high)}]"
            cells.append(f"{share}{around}  {row.events} of {row.landmarks:,}")
        table.add_row(rows[0].band.replace("_", " "), *cells)
    return table


def page_table(study: Study) -> Table:
    """What paging by the score is worth, beside randomly timed pages."""
    table = _table("pages", "an account-year", "churns paged (chance)", "median lead (chance)", "right (base rate)")
    for found in study.scorecards:
        pages = found.pages
        recall, chance = _known(pages.recall, ".0%"), _known(found.chance_recall, ".0%")
        table.add_row(
            found.predictor.name,
            _known(pages.pages_an_account_year, ".2f"),
            f"{pages.churns_paged} of {pages.churns}, {recall} ({chance})",
            f"{_known(pages.median_lead_days, '.0f')} days ({_known(found.chance_lead_days, '.0f')})",
            f"{_known(pages.precision, '.1%')} ({_known(study.base_rate, '.1%')})",
        )
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _known(value: float | None, form: str) -> str:
    return "unknown" if value is None else format(value, form)
