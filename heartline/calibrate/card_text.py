"""A proposal as a file of scorecards: what people read first is what to expect of it, and how sure that is."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import yaml

from heartline.backtest.conclusion import interval_text
from heartline.backtest.statistics import Estimate
from heartline.calibrate.proposal import Proposal
from stream.measures.catalogue import SCORABLE
from stream.measures.registry import label_of
from stream.scoring.scorecard import Line, Scorecard


def card_text(proposal: Proposal, horizon_days: int, made_on: date) -> str:
    """The file.

    Args:
        proposal: what calibration found.
        horizon_days: within which a churn counted.
        made_on: the day, which becomes the version.
    """
    header = "".join(f"# {line}".rstrip() + "\n" for line in _header(proposal, horizon_days, made_on))
    body = yaml.safe_dump([_card(proposal, made_on)], sort_keys=False, allow_unicode=True, default_flow_style=None)
    return f"{header}{body}"


def _header(proposal: Proposal, horizon_days: int, made_on: date) -> Iterator[str]:
    card = proposal.card
    yield f"Calibrated from {card.name} on {made_on.isoformat()}."
    yield (
        f"{proposal.churned_accounts} churned accounts; {proposal.events:,} of {proposal.landmarks:,} month-ends lie"
        f" within {horizon_days} days before a churn."
    )
    yield f"{'Lines moved' if proposal.moved else 'Lines stay'}: {proposal.why}."
    shipped = dict(card.band_floors)
    if any(proposal.floors[band] != shipped[band] for band in proposal.floors):
        yield "Bands moved: they begin where the measured risk falls, drawn towards where they were."
    yield ""
    yield "AUROC to expect [95 % interval]:"
    for name, found in (
        (f"{card.name} as it is", interval_text(proposal.before)),
        ("fitted, on accounts it did not see", interval_text(proposal.after)),
        ("difference, paired", _signed(proposal.gain)),
    ):
        yield f"  {name + ':':<36}{found}"
    if proposal.forward_after is not None:
        yield (
            f"  {'on later months than it saw:':<36}{interval_text(proposal.forward_after)}, {card.name}"
            f" {interval_text(proposal.forward_before)} ({proposal.forward_churned} churned accounts)"
        )
    yield "Which lines are new, their weights and curves were chosen again within each fold."
    yield ""
    yield f"Risk to expect within {horizon_days} days, by band:"
    for row in proposal.bands:
        share = "unknown"
        if row.risk is not None:
            around = row.risk.interval
            between = "" if around is None else f" [{around.low:.1%}, {around.high:.1%}]"
            share = f"{row.risk.value:.1%}{between}"
        name = row.band.replace("_", " ")
        yield f"  {name:<9} from {row.floor:>3.0f}: {share}, {row.events} of {row.landmarks:,}"
    yield ""
    yield "Check it before it is used: `heartline scorecard diff FILE` says which accounts would change band, and"
    yield "`heartline backtest ... --scorecard FILE` measures it (on the accounts it was fitted on, so expect less)."


def _signed(found: Estimate | None) -> str:
    if found is None:
        return "unknown"
    around = "" if found.interval is None else f" [{found.interval.low:+.3f}, {found.interval.high:+.3f}]"
    return f"{found.value:+.3f}{around}"


def _card(proposal: Proposal, made_on: date) -> dict[str, Any]:
    """The scorecard as its file has it."""
    card = proposal.card
    found: dict[str, Any] = {"name": f"{card.name.split('@')[0]}-calibrated", "version": made_on.isoformat()}
    whom = {
        name: sorted(given)
        for name, given in (("segments", card.segments), ("lifecycle_stages", card.lifecycle_stages))
        if given
    }
    if whom:
        found["for"] = whom
    found["coverage_min_ratio"] = card.coverage_min_ratio
    if card.silent_weight_ratio != 1:
        found["silent_weight_ratio"] = card.silent_weight_ratio
    found["bands"] = _bands(card, proposal)
    if card.dwell_days:
        found["dwell_days"] = card.dwell_days
    groups: dict[str, Any] = {}
    for line in proposal.lines:
        groups.setdefault(line.group, {"measures": {}})["measures"][line.measure] = _line(line)
    found["groups"] = groups
    if card.vetoes:
        found["vetoes"] = [_veto(veto) for veto in card.vetoes]
    return found


def _bands(card: Scorecard, proposal: Proposal) -> dict[str, Any]:
    """Floors; where the card's bands are left lower than they are entered, they stay so by as much."""
    entered, left = dict(card.band_floors), dict(card.band_exits or card.band_floors)
    found: dict[str, Any] = {}
    for band in ("healthy", "watch", "at_risk"):
        floor, gap = proposal.floors[band], entered[band] - left[band]
        found[band] = _short(floor) if gap == 0 else {"enter": _short(floor), "exit": _short(floor - gap)}
    return found


def _line(line: Line) -> dict[str, Any]:
    found: dict[str, Any] = {
        "weight": _short(round(line.weight, 2)),
        "curve": {_short(value): _short(score) for value, score in line.curve},
    }
    if line.label != label_of(line.measure):
        found["label"] = line.label
    if line.unit != SCORABLE[line.measure][1]:
        found["unit"] = line.unit
    if line.answers_min > 1:
        found["answers_min"] = line.answers_min
    return found


def _veto(veto: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": veto.name, "measure": veto.measure}
    if veto.at_least is not None:
        found["at_least"] = _short(veto.at_least)
    if veto.at_most is not None:
        found["at_most"] = _short(veto.at_most)
    return found | {"cap_score": _short(veto.cap_score), "label": veto.label, "unit": veto.unit}


def _short(value: float) -> int | float:
    """A number without an empty fraction."""
    return int(value) if float(value).is_integer() else float(value)
