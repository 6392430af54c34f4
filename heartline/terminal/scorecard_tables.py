"""Scorecards for people: what one holds, what it says of one account, and whom another would put elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgspec
from rich.console import RenderableType
from rich.table import Table

from alerts.text import tidy
from heartline.snapshot import reports
from stream.contracts.events import InputEvent
from stream.contracts.report import HealthReport
from stream.kinds.state import AccountState
from stream.measures.product_config import ProductConfig
from stream.measures.wording import shown
from stream.scoring.evaluation import evaluate
from stream.scoring.scorecard import Line, Scorecard, Scorecards
from stream.scoring.scorecard_selection import scorecard_for

# Of a contribution, and of points_lost: what a measure says of an account.
_OF_ACCOUNT: Final = ("value", "measure_score", "weight_ratio", "points", "points_lost")


@dataclass(frozen=True)
class Moved:
    """An account that two scorecards put into different bands."""

    account_id: str
    before_scorecard: str
    before_score: float | None
    before_band: str
    now_scorecard: str
    now_score: float | None
    now_band: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def moved_bands(
    events: Sequence[tuple[int, InputEvent]],
    day: int,
    before: Scorecards,
    now: Scorecards,
    core: frozenset[str],
    product: ProductConfig,
) -> tuple[int, list[Moved]]:
    """How many accounts there are at the end of a day, and those whose band differs, the largest loss first."""
    old = {report.account_id: report for _, report in reports(events, [day], core, scorecards=before, product=product)}
    new = {report.account_id: report for _, report in reports(events, [day], core, scorecards=now, product=product)}
    moved = [_moved(old[name], new[name]) for name in sorted(old) if old[name].band != new[name].band]
    moved.sort(key=lambda item: (item.now_score or 0.0) - (item.before_score or 0.0))
    return len(old), moved


def moved_live(
    states: Mapping[str, AccountState],
    now_ms: int,
    before: Scorecards,
    now: Scorecards,
    core: frozenset[str],
    product: ProductConfig,
) -> list[Moved]:
    """Of the worker's current states those whose band differs, the largest loss first."""
    moved = []
    for account_id, state in sorted(states.items()):
        chosen = [scorecard_for(cards, state, now_ms, core, product) for cards in (before, now)]
        old, new = (evaluate(state, now_ms, card, core, product) for card in chosen)
        if old.band != new.band:
            moved.append(Moved(account_id, old.scorecard, old.score, old.band, new.scorecard, new.score, new.band))
    moved.sort(key=lambda item: (item.now_score or 0.0) - (item.before_score or 0.0))
    return moved


def _moved(before: HealthReport, now: HealthReport) -> Moved:
    """Both verdicts side by side."""
    return Moved(now.account_id, before.scorecard, before.score, before.band, now.scorecard, now.score, now.band)


def summary(card: Scorecard) -> Iterator[str]:
    """What a scorecard holds, a line a fact."""
    total = sum([line.weight for line in card.lines])
    whom = [", ".join(sorted(names)) for names in (card.segments, card.lifecycle_stages) if names]
    yield f"{card.name}: {len(card.lines)} measures, for {' and '.join(whom) or 'all accounts'}"
    for group in dict.fromkeys(line.group for line in card.lines):
        lines = [line for line in card.lines if line.group == group]
        share = sum([line.weight for line in lines]) / total
        yield f"  {group} {share:.0%}: " + ", ".join(f"{line.measure} {line.weight / total:.0%}" for line in lines)
    exits = dict(card.band_exits)
    yield (
        "  bands: "
        + ", ".join(
            f"{band} from {floor:g}" + (f" to below {exits[band]:g}" if exits.get(band, floor) != floor else "")
            for band, floor in card.band_floors
        )
        + (f"; a band holds {card.dwell_days} days before a better one" if card.dwell_days > 0 else "")
    )
    for veto in card.vetoes:
        side = f"at least {veto.at_least:g}" if veto.at_least is not None else f"at most {veto.at_most:g}"
        yield f"  veto {veto.name}: {veto.measure} {side} caps the score at {veto.cap_score:g}"


def explained(report: HealthReport, card: Scorecard) -> RenderableType:
    """Each measure of a scorecard with an account's value, its curve, and what it costs; unknown ones too."""
    known = {item.measure: item for item in report.contributions}
    score = "no score" if report.score is None else f"{report.score:g}"
    title = f"{tidy(report.account_id, 60)} by {card.name}: {score}, {report.band.replace('_', ' ')}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("measure", "value", "curve: value → score", "of 100", "weight", "points lost"):
        table.add_column(name, justify="left" if name in ("measure", "curve: value → score") else "right")
    for line in sorted(card.lines, key=lambda line: -known[line.measure].points_lost if line.measure in known else 1.0):
        item = known.get(line.measure)
        if item is None:
            table.add_row(line.measure, "unknown", curve_text(line), "", "", "")
            continue
        value, lost = shown(item.value, line.unit), f"{item.points_lost:.1f}"
        table.add_row(
            line.measure, value, curve_text(line), f"{item.measure_score:.0f}", f"{item.weight_ratio:.0%}", lost
        )
    for cap in report.caps:
        label, unit = card.wording(cap.name)
        table.add_row(
            tidy(label, 60), shown(cap.value, unit), f"veto: at most {cap.cap_score:g}", "", "", f"{-cap.points:.1f}"
        )
    return table


def explained_as_json(report: HealthReport, card: Scorecard) -> dict[str, Any]:
    """The same for programs: a line of null where a measure is unknown, so that it counts neither way."""
    known = {item.measure: item for item in report.contributions}
    lines = []
    for line in card.lines:
        item = known.get(line.measure)
        of_account = {name: None if item is None else getattr(item, name) for name in _OF_ACCOUNT}
        lines.append({"measure": line.measure, "group": line.group, "curve": line.curve, **of_account})
    return {
        "account_id": report.account_id,
        "as_of": report.as_of.isoformat(),
        "scorecard": card.name,
        "score": report.score,
        "band": report.band,
        "lines": lines,
        "caps": [msgspec.to_builtins(cap) for cap in report.caps],
    }


def curve_text(line: Line) -> str:
    """A curve as people read it.

    >>> curve_text(Line("x", "g", "usage", 1, ((0, 0), (0.5, 100)), "x", "percent"))
    '0% → 0, 50% → 100'
    """
    return ", ".join(f"{shown(value, line.unit)} → {score:g}" for value, score in line.curve)
