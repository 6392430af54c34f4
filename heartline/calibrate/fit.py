"""Weights and curves of a scorecard by penalised likelihood: pure.

The log odds of a churn are a - S x score, the score as the product makes it: the weighted mean of the known lines'
points. What is fitted are the weights (their sum is S) and the scores of the curves' points, which stay monotone. The
penalties pull towards the scorecard as it is: few data move little, however well they would be fitted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from heartline.backtest.statistics import Flags, Floats
from heartline.calibrate.lines import LineData

# How strongly known weights, new weights and curves are held, in units of log likelihood. Source: docs/validity.md.
HOLD_WEIGHTS: Final = 60.0
HOLD_NEW: Final = 10.0
HOLD_CURVES: Final = 60.0
_WEIGHT_SUM_MIN: Final = 1e-6  # of S; below it the score tells nothing
_STEEPNESS: Final = 4.0  # S at the beginning: from 100 to 0 the odds grow by e^4


@dataclass(frozen=True)
class Fitted:
    """A scorecard as fitted.

    Attributes:
        weights: of the lines; they add up to 1.
        curves: of each line the scores of its points, 0..1.
    """

    weights: Floats
    curves: tuple[Floats, ...]

    def scores(self, lines: Sequence[LineData], rows: Flags | slice = slice(None)) -> Floats:
        """The score of each landmark, 0..100; nan where no line is known."""
        known = np.array([line.known[rows] for line in lines], np.float64).T
        points = np.array([line.basis[rows] @ curve for line, curve in zip(lines, self.curves, strict=True)]).T
        weight = known @ self.weights
        found: Floats = np.divide(
            (known * points) @ self.weights * 100, weight, out=np.full(len(weight), np.nan), where=weight > 0
        )
        return found


def as_it_is(lines: Sequence[LineData]) -> Fitted:
    """The scorecard before any fit; new lines have no weight."""
    weights = np.array([0.0 if line.is_new else line.line.weight for line in lines])
    return Fitted(weights / weights.sum(), tuple(line.curve for line in lines))


class Objective:
    """What a fit makes small: the negative log likelihood of the churns, and the price of leaving the scorecard.

    Parameters stand in one vector: the intercept, the weights, and each curve as its lowest score and its steps.

    Args:
        lines, event, rows: as for `fit`.
    """

    def __init__(self, lines: Sequence[LineData], event: Flags, rows: Flags | slice) -> None:
        known = np.array([line.known[rows] for line in lines], np.float64).T
        some = known.sum(axis=1) > 0
        self._known = known[some]
        self._bases = [line.basis[rows][some] for line in lines]
        self._event = event[rows][some].astype(np.float64)
        self._now = as_it_is(lines)
        self._is_new = np.array([line.is_new for line in lines])
        self._rises = [bool(line.curve[-1] >= line.curve[0]) for line in lines]
        self._weights = slice(1, 1 + len(lines))
        ends = np.cumsum([1 + len(lines), *(len(line.line.curve) for line in lines)]).tolist()
        self._curves = [slice(begin, end) for begin, end in pairwise(ends)]

    @property
    def start(self) -> Floats:
        """The scorecard as it is."""
        steps = [_steps(curve, up) for curve, up in zip(self._now.curves, self._rises, strict=True)]
        return np.concatenate([[-1.0], self._now.weights * _STEEPNESS, *steps])

    def bounds(self, *, bend: bool) -> list[tuple[float | None, float | None]]:
        """Weights and steps are never negative; where curves are not to bend, steps stay."""
        count = self._weights.stop
        steps: list[tuple[float | None, float | None]] = [
            (0.0, 1.0) if bend else (step, step) for step in self.start[count:].tolist()
        ]
        return [(None, None), *[(0.0, None)] * (count - 1), *steps]

    def curves(self, parameters: Floats) -> list[Floats]:
        """The scores of each curve's points."""
        return [_curve(parameters[at], up) for at, up in zip(self._curves, self._rises, strict=True)]

    def weights(self, parameters: Floats) -> Floats:
        """The weights; their sum is how steeply the odds fall with the score."""
        return parameters[self._weights]

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        """The value, and its gradient."""
        weights, curves, known = self.weights(parameters), self.curves(parameters), self._known
        points = np.array([basis @ curve for basis, curve in zip(self._bases, curves, strict=True)]).T
        total, weight = weights.sum(), known @ weights + 1e-9
        score = (known * points) @ weights / weight
        z = parameters[0] - total * score
        residual = np.exp(-np.logaddexp(0, -z)) - self._event  # the logistic function, without an overflow
        penalty, gradient = self._penalty(weights, curves)
        found = np.zeros_like(parameters)
        found[0] = residual.sum()
        by_weight = score[:, None] + total * known * (points - score[:, None]) / weight[:, None]
        found[self._weights] = gradient - residual @ by_weight
        by_points = -(residual * total / weight)[:, None] * known * weights
        for number, at in enumerate(self._curves):
            bent = curves[number] - self._now.curves[number]
            by_curve = by_points[:, number] @ self._bases[number] + 2 * HOLD_CURVES * bent
            found[at] = _by_steps(by_curve, self._rises[number])
        return float((np.logaddexp(0, z) - self._event * z).sum()) + penalty, found

    def _penalty(self, weights: Floats, curves: Sequence[Floats]) -> tuple[float, Floats]:
        """What it costs to differ from the scorecard as it is, and how that changes with the weights."""
        is_new, now = self._is_new, self._now
        off = weights - weights[~is_new].sum() * now.weights
        hold = np.where(is_new, HOLD_NEW, HOLD_WEIGHTS)
        bent = sum(float(((curve - start) ** 2).sum()) for curve, start in zip(curves, now.curves, strict=True))
        gradient = 2 * hold * off
        gradient = gradient - np.where(is_new, 0.0, float((gradient * now.weights).sum()))
        return float((hold * off * off).sum()) + HOLD_CURVES * bent, gradient


def fit(lines: Sequence[LineData], event: Flags, rows: Flags | slice = slice(None), *, bend: bool = True) -> Fitted:
    """Fit a scorecard to landmarks.

    Args:
        lines: those of the scorecard, and new ones.
        event: of each landmark, whether a churn followed within the horizon.
        rows: the landmarks to learn from.
        bend: whether curves are fitted, too; without it only weights are, which is several times faster.
    """
    from scipy.optimize import minimize  # a second of a processor: where it is needed

    objective = Objective(lines, event, rows)
    bounds, options = objective.bounds(bend=bend), {"maxiter": 100, "ftol": 1e-7}
    found = minimize(objective, objective.start, jac=True, bounds=bounds, method="L-BFGS-B", options=options).x
    if objective.weights(found).sum() < _WEIGHT_SUM_MIN:
        return as_it_is(lines)  # no line tells anything of these landmarks: there is nothing to follow
    return _scaled(objective.weights(found), objective.curves(found))


def _steps(curve: Floats, up: bool) -> Floats:
    """A monotone curve as its lowest score and the steps from there, none below 0."""
    ascending = curve if up else curve[::-1]
    return np.maximum(np.diff(ascending, prepend=0.0), 0.0)


def _curve(steps: Floats, up: bool) -> Floats:
    ascending = np.cumsum(steps)
    return ascending if up else ascending[::-1]


def _by_steps(by_curve: Floats, up: bool) -> Floats:
    """The gradient by the steps, from that by the curve's points."""
    ascending = by_curve if up else by_curve[::-1]
    return np.cumsum(ascending[::-1])[::-1]


def _scaled(weights: Floats, curves: Sequence[Floats]) -> Fitted:
    """Weights that add up to 1, and curves that end at 1 at most."""
    tops = np.array([max(float(curve.max()), 1.0) for curve in curves])
    scaled = weights * tops
    return Fitted(scaled / scaled.sum(), tuple(curve / top for curve, top in zip(curves, tops, strict=True)))
