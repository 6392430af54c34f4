"""What is proposed, and how well it does on accounts and at times that it was not fitted on: pure.

Everything that the data decide (which new lines, weights, curves) is decided again within each fold, so the expected
figures are those of the whole procedure and not of its best case.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from heartline.backtest import statistics
from heartline.backtest.baselines import FOLDS, folds_by_account
from heartline.backtest.landmarks import Landmarks
from heartline.backtest.statistics import Discrimination, Estimate, Flags, Floats, Ints
from heartline.calibrate.fit import Fitted, as_it_is, fit
from heartline.calibrate.floors import floors
from heartline.calibrate.lines import ALWAYS_WANTED, CANDIDATES, LineData, candidates, line_data
from stream.contracts.report import Band
from stream.measures.catalogue import SCORABLE
from stream.scoring.scorecard import Line, Scorecard

CHURNS_MIN: Final = 30  # churned accounts; with fewer nothing is moved
NEW_LINES_MAX: Final = 2
_INNER_FOLDS: Final = 3
_GAIN_MIN: Final = 0.003  # of AUROC within the inner folds, for one more line
_TRIED: Final = 4  # candidates that are looked at closely, by how they do alone


@dataclass(frozen=True)
class BandRisk:
    """What to expect of a band."""

    band: Band
    floor: float
    landmarks: int
    events: int
    risk: Estimate | None


@dataclass(frozen=True)
class Proposal:
    """What calibration found.

    Attributes:
        card: the scorecard as it is.
        churned_accounts, landmarks, events: how much there was to learn from.
        moved: whether anything is proposed; False: the card stays.
        why: in a sentence.
        lines: those that are proposed, new ones last; the card's own where nothing moved.
        floors: where the proposed bands begin.
        before, after: AUROC of the card as it is, and of the procedure on accounts that it did not see.
        gain: the paired difference.
        forward_before, forward_after: the same on later landmarks than it was fitted on; None where too few churned.
        forward_churned: accounts that churned in these.
        bands: the risk to expect, by the proposed floors.
    """

    card: Scorecard
    churned_accounts: int
    landmarks: int
    events: int
    moved: bool
    why: str
    lines: tuple[Line, ...]
    floors: dict[Band, float]
    before: Estimate | None
    after: Estimate | None
    gain: Estimate | None
    forward_before: Estimate | None
    forward_after: Estimate | None
    forward_churned: int
    bands: list[BandRisk]


def propose(
    card: Scorecard,
    marks: Landmarks,
    replicates: int = 1000,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Proposal:
    """Fit a scorecard to landmarks, and measure the fit where it was not fitted.

    Args:
        card: the scorecard to begin with.
        marks: landmarks with the measures of its lines, of `mau`, and of the candidates.
        replicates: bootstrap samples.
        progress: told the fits that are done, and how many there will be.
    """
    month_ends = [row.at for row in marks.rows]
    lines = [line_data(line, month_ends, card.silent_weight_ratio) for line in card.lines]
    lines = [line for line in lines if line.known.any()]
    shipped: dict[Band, float] = {band: floor for band, floor in card.band_floors if band != "critical"}
    if marks.churned_accounts < CHURNS_MIN or not lines:
        return _unmoved(card, marks, lines, shipped, replicates)
    with threadpool_limits(limits=1):  # the matrices are small: several threads would wait for each other
        return _proposed(card, marks, lines, _more_of(card, marks), shipped, replicates, progress)


def _more_of(card: Scorecard, marks: Landmarks) -> list[LineData]:
    """The measures that may become further lines of a scorecard."""
    return candidates([row.at for row in marks.rows], frozenset(line.measure for line in card.lines))


def _proposed(
    card: Scorecard,
    marks: Landmarks,
    lines: list[LineData],
    more: list[LineData],
    shipped: dict[Band, float],
    replicates: int,
    progress: Callable[[int, int], None],
) -> Proposal:
    """The whole procedure, again within each fold, and then on everything."""
    total = FOLDS + 2
    before = as_it_is(lines).scores(lines)
    after = np.zeros(len(marks.event))
    fold = folds_by_account(marks.account)
    for number in range(FOLDS):
        learn = fold != number
        chosen = _chosen(lines, more, marks, learn)
        after[~learn] = fit(chosen, marks.event, learn).scores(chosen, ~learn)
        progress(number + 1, total)
    forward = _forward(lines, more, marks, before, replicates)
    progress(FOLDS + 1, total)
    everything = np.ones(len(marks.event), bool)
    chosen = _chosen(lines, more, marks, everything)
    fitted = fit(chosen, marks.event)
    progress(total, total)
    return _judged(card, marks, lines, before, after, forward, (chosen, fitted), shipped, replicates)


def _chosen(lines: list[LineData], more: list[LineData], marks: Landmarks, learn: Flags) -> list[LineData]:
    """The lines and the few new ones that pay on accounts within `learn`, one after the other."""
    inner = folds_by_account(marks.account, _INNER_FOLDS, seed=2)
    chosen, left = lines, more
    reached = _inner(chosen, marks, learn, inner)
    for _ in range(NEW_LINES_MAX):
        tried = sorted(left, key=lambda line: -_alone(line, marks, learn))[:_TRIED]
        found = [(_inner([*chosen, line], marks, learn, inner), index) for index, line in enumerate(tried)]
        best, index = max(found, default=(0.0, -1))
        if best < reached + _GAIN_MIN:
            break
        reached = best
        chosen = [*chosen, tried[index]]
        left = [line for line in left if line is not tried[index]]
    return chosen


def _alone(line: LineData, marks: Landmarks, learn: Flags) -> float:
    """What a candidate tells by itself."""
    rows = learn & (line.known > 0)
    return statistics.auroc(-(line.basis[rows] @ line.curve), marks.event[rows]) or 0.0


def _inner(lines: list[LineData], marks: Landmarks, learn: Flags, inner: Ints) -> float:
    """The AUROC of lines on accounts within `learn` that they were not fitted on."""
    score = np.full(len(marks.event), np.nan)
    for number in range(_INNER_FOLDS):
        rows = learn & (inner == number)
        score[rows] = fit(lines, marks.event, learn & (inner != number), bend=False).scores(lines, rows)
    return statistics.auroc(-score[learn], marks.event[learn]) or 0.0


@dataclass(frozen=True)
class _Forward:
    """How the procedure does on later landmarks than it was fitted on."""

    before: Estimate | None
    after: Estimate | None
    churned: int


def _forward(
    lines: list[LineData], more: list[LineData], marks: Landmarks, before: Floats, replicates: int
) -> _Forward:
    """Fit on the first half of the events, ask of the second; what was not known yet at the cut is not learned from."""
    cut = float(np.median(marks.day[marks.event]))
    horizon = float(marks.days[marks.event].max())
    learn, ask = marks.day < cut - horizon, marks.day >= cut
    churned = len(np.unique(marks.account[ask & marks.event]))
    if min(churned, len(np.unique(marks.account[learn & marks.event]))) < 10:
        return _Forward(None, None, churned)
    chosen = _chosen(lines, more, marks, learn)
    score = fit(chosen, marks.event, learn).scores(chosen, ask)
    found = [_discrimination(values, marks, ask, replicates) for values in (before[ask], score)]
    areas = [None if each is None else each.auroc for each in found]
    return _Forward(areas[0], areas[1], churned)


def _discrimination(score: Floats, marks: Landmarks, rows: Flags, replicates: int) -> Discrimination | None:
    return statistics.discrimination(-score, marks.event[rows], marks.account[rows], replicates)


def _unmoved(
    card: Scorecard, marks: Landmarks, lines: list[LineData], shipped: dict[Band, float], replicates: int
) -> Proposal:
    """Too few churned: the card stays, and what is known of it is told."""
    rows = np.ones(len(marks.event), bool)
    score = as_it_is(lines).scores(lines) if lines else np.zeros(len(marks.event))
    found = _discrimination(score, marks, rows, replicates) if marks.churned_accounts >= 10 else None
    area = None if found is None else found.auroc
    why = (
        f"{marks.churned_accounts} accounts churned within the horizon of a month-end with a score, and fewer than"
        f" {CHURNS_MIN} are too few to move anything; the scorecard stays as it is"
    )
    bands = _risks(score, marks, shipped, replicates)
    events = int(marks.event.sum())
    return Proposal(
        card, marks.churned_accounts, len(marks.event), events, False, why, card.lines, shipped,
        area, None, None, None, None, 0, bands,
    )  # fmt: skip


def _judged(
    card: Scorecard,
    marks: Landmarks,
    lines: list[LineData],
    before: Floats,
    after: Floats,
    forward: _Forward,
    proposed: tuple[list[LineData], Fitted],
    shipped: dict[Band, float],
    replicates: int,
) -> Proposal:
    """Whether the procedure did better where it was not fitted, and what that comes to."""
    rows = np.ones(len(marks.event), bool)
    old, new = _discrimination(before, marks, rows, replicates), _discrimination(after, marks, rows, replicates)
    assert old is not None
    assert new is not None
    gain = statistics.difference(new, old)
    moved = gain.value > 0
    score = after if moved else before
    new_floors = floors(score, marks.event, marks.churned_accounts, shipped)
    certain = gain.interval is not None and gain.interval.low > 0
    if not moved:
        why = "on accounts that it was not fitted on, a fitted scorecard did no better; weights and curves stay"
    elif certain:
        why = "on accounts that it was not fitted on, the fitted scorecard did better"
    else:
        why = (
            "on accounts that it was not fitted on, the fitted scorecard did a little better, but with so few churned"
            " accounts that may be chance"
        )
    return Proposal(
        card, marks.churned_accounts, len(marks.event), int(marks.event.sum()), moved, why,
        _new_lines(card, *proposed) if moved else card.lines, new_floors,
        old.auroc, new.auroc, gain, forward.before, forward.after, forward.churned,
        _risks(score, marks, new_floors, replicates),
    )  # fmt: skip


def _new_lines(card: Scorecard, lines: list[LineData], fitted: Fitted) -> tuple[Line, ...]:
    """The card's lines with their new weights and curves, and the new ones; lines without data keep their weight."""
    known = {line.line.measure for line in lines if not line.is_new}
    whole = sum(line.weight for line in card.lines if line.measure in known)
    found: dict[str, Line] = {line.measure: line for line in card.lines}
    for data, weight, curve in zip(lines, fitted.weights.tolist(), fitted.curves, strict=True):
        line = data.line
        points = tuple((value, round(float(score) * 100)) for (value, _), score in zip(line.curve, curve, strict=True))
        rounded = round(weight * whole, 1)
        if rounded > 0:
            found[line.measure] = Line(
                line.measure, line.group, line.source, rounded, points, line.label, line.unit, line.answers_min
            )
        else:
            found.pop(line.measure, None)
    return tuple(found.values())


def _risks(score: Floats, marks: Landmarks, starts: dict[Band, float], replicates: int) -> list[BandRisk]:
    """The risk in each band, worst first."""
    ranked: list[tuple[Band, float]] = [("critical", 0.0), *sorted(starts.items(), key=lambda item: item[1])]
    tops = [floor for _, floor in ranked[1:]] + [np.inf]
    found = []
    for (band, floor), top in zip(ranked, tops, strict=True):
        rows = (score >= floor) & (score < top)
        risk = statistics.share(marks.event[rows], marks.account[rows], replicates)
        found.append(BandRisk(band, floor, int(rows.sum()), int(marks.event[rows].sum()), risk))
    return found


def wanted_measures(card: Scorecard) -> frozenset[str]:
    """The measures that a calibration of a scorecard needs at landmarks."""
    return frozenset({line.measure for line in card.lines} | (CANDIDATES.keys() & SCORABLE.keys())) | ALWAYS_WANTED
