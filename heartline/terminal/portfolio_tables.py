"""What the portfolio answers, for a terminal: tables of figures, of the accounts behind one, and of each analysis."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from rich.table import Table

from consumers.portfolio.adoption import BandOutcome, FeatureRetention, FeatureUse, LaunchUptake
from consumers.portfolio.days import Period, day_of
from consumers.portfolio.figures import Figure
from consumers.portfolio.money import shown
from consumers.portfolio.play_effects import PlayEffect
from consumers.portfolio.presentation import interval_text, text
from consumers.portfolio.query import FigureValue, Part
from consumers.portfolio.renewals import BandRecord, ComingRenewal
from consumers.portfolio.restatements import Restatement
from consumers.portfolio.usage_drops import DropFates, UsageDrop


def figures(
    values: Sequence[tuple[Figure, FigureValue]], currency: str, by: str | None, today: date
) -> Iterator[Table | str]:
    """Each figure a row, each period a column, each group a table."""
    groups = list(dict.fromkeys(value.group for _, value in values))
    periods = list(dict.fromkeys(value.period for _, value in values))
    yield f"until {today}, in {currency}; – is not known, intervals are 95 %"
    for group in groups:
        if by is not None:
            yield f"\n{by}: {group or 'not known'}"
        rows: dict[str, list[str]] = {}
        for shape, value in values:
            if value.group == group:
                cell = text(shape, value.value, currency)
                note = interval_text(shape, value, currency)
                rows.setdefault(shape.id, [shape.id]).append(f"{cell}  [dim]{note}[/]" if note else cell)
        yield _table(("figure", *periods), list(rows.values()))


def behind(figure: Figure, period: Period, by: str | None, parts: Sequence[Part]) -> Iterator[Table | str]:
    """The accounts behind one figure of one period; of one made of others, those behind each of these."""
    yield f"{figure.id}, {period.name}: {figure.meaning}"
    for name in dict.fromkeys(part.figure for part in parts):
        yield _table(
            (
                "account",
                "name",
                by or "",
                "numerator",
                "denominator" if name == figure.id else f"denominator of {name}",
            ),
            [
                (
                    *(part.account, part.name or "", part.group or ""),
                    *(_plain(part.numerator), _plain(part.denominator)),
                )
                for part in parts
                if part.figure == name
            ],
        )


def renewals(coming: Sequence[ComingRenewal], bands: Sequence[BandRecord], currency: str) -> Iterator[Table | str]:
    """Each band's record and forecast; the terms that end soon or are overdue."""
    yield _table(
        ("band", "renewed before", "rate", "95 %", "coming", f"{currency} a year", "expected"),
        [
            (
                *(each.band or "not known", f"{each.renewed} of {each.n}", _percent(each.rate)),
                "–" if each.low is None else f"{_percent(each.low)} to {_percent(each.high)}",
                *(each.coming, _amount(each.coming_minor, currency)),
                "–" if each.expected_minor is None else _amount(each.expected_minor, currency),
            )
            for each in bands
        ],
    )
    yield _table(
        ("ends", "account", "owner", "band", f"{currency} a year", "overdue"),
        [
            (
                *(_date(each.end_day), each.name or each.account, each.owner or "–", each.band or "–"),
                *(_amount(each.minor, currency), f"{each.overdue_days} d" if each.overdue_days else ""),
            )
            for each in coming
        ],
    )


def adoption(
    bands: Sequence[BandOutcome],
    used: Sequence[FeatureUse],
    kept: Sequence[FeatureRetention],
    launches: Sequence[LaunchUptake],
) -> Iterator[Table | str]:
    """How bands fared; which features are used, and by whom who stays; launches."""
    yield _table(
        ("band 90 days before", "customers", "churned", "rate", "95 %", "expanded"),
        [
            (
                *(each.band or "not known", each.n, each.churned, _percent(each.churn_rate)),
                *(f"{_percent(each.low)} to {_percent(each.high)}", each.expanded),
            )
            for each in bands
        ],
    )
    yield _table(
        ("feature", "used by", "of", "rate"),
        [(each.feature, each.used_by, each.accounts, _percent(each.rate)) for each in used],
    )
    yield _table(
        ("feature", "stayed 90 days with it", "without it", "difference", "95 %"),
        [
            (
                *(each.feature, f"{each.used_stayed:,} of {each.used_n:,}"),
                *(f"{each.other_stayed:,} of {each.other_n:,}", _percent(each.difference)),
                "–" if each.low is None else f"{_percent(each.low)} to {_percent(each.high)}",
            )
            for each in kept
        ],
    )
    yield _table(
        ("launch", "within", "customers", "used", "of", "rate"),
        [
            (
                each.feature,
                f"{each.days} d",
                "new" if each.is_new else "existing",
                each.used,
                each.n,
                _percent(each.rate),
            )
            for each in launches
        ],
    )


def usage_drops(fates: Sequence[DropFates], drops: Sequence[UsageDrop]) -> Iterator[Table | str]:
    """What became of use that came back, together and one by one."""
    yield _table(
        ("days after", "play", "n", "kept", "lower", "fell again", "gone", "kept, 95 %"),
        [
            (
                *(each.days, "with" if each.with_play else "without"),
                *(each.n, each.kept, each.lower, each.fell, each.gone),
                f"{_percent(each.low)} to {_percent(each.high)}" if each.low is not None else "–",
            )
            for each in fates
        ],
    )
    yield _table(
        ("account", "peak", "fell", "to", "back", "play", "after 91 d", "182 d", "364 d"),
        [
            (
                *(each.name or each.account, each.peak_mau, _date(each.fell_day), each.low_mau, _date(each.back_day)),
                *(each.play or "", *(fate or "–" for fate in each.fates)),
            )
            for each in drops
        ],
    )


def plays(found: Sequence[PlayEffect]) -> Iterator[Table | str]:
    """Each play against comparable accounts without it."""
    words = {"stayed": "still a customer", "use_is_up": "use up by a tenth"}
    yield _table(
        ("play", "days", "outcome", "with it", "without it", "difference, 95 %", "n", "compared with", ""),
        [
            (
                *(each.play, each.days, words[each.outcome], _percent(each.with_play), _percent(each.without)),
                "–" if each.low is None else f"{_percent(each.effect)} ({_percent(each.low)} to {_percent(each.high)})",
                *(each.n, each.compared, each.sentence),
            )
            for each in found
        ],
    )


def restatements(found: Sequence[Restatement], currency: str) -> Iterator[Table | str]:
    """What came late and changed a period that was over."""
    yield _table(
        ("recorded", "account", "event", "status", "from", f"{currency} a year before", "after"),
        [
            (
                *(f"{datetime.fromtimestamp(each.recorded_ms / 1000, UTC):%Y-%m-%d %H:%M}", each.account),
                *(each.event_id, each.status, _date(each.effective_day)),
                *(_amount(each.before_minor, currency), _amount(each.after_minor, currency)),
            )
            for each in found
        ],
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index == 0 else "right", no_wrap=index == 0)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table


def _date(number: int) -> str:
    return day_of(number).isoformat()


def _amount(minor: int | None, currency: str) -> str:
    return "–" if minor is None else f"{shown(minor, currency):,.0f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{float(value):,.10g}"
