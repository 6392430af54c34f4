"""What an override makes of the scorecard's verdict, and how the report tells it."""

from typing import Final

from stream.contracts.health_override import HealthOverride
from stream.contracts.report import Band, Override
from stream.scoring.band_history import moment
from stream.scoring.scorecard import Scorecard

OVERRIDE: Final = "override"  # its name among the changes
_STEP: Final = 0.1  # scores have one decimal


def overridden(override: HealthOverride | None, model_score: float | None, scorecard: Scorecard) -> float | None:
    """The score while an override holds: the one that was set; with a band, the scorecard's own, moved into the band.

    >>> from stream.scoring.shipped import DEFAULT
    >>> low = HealthOverride(0, 9, "ann", "sponsor left", band="watch")
    >>> [overridden(low, score, DEFAULT) for score in (90.0, 60.0, 30.0, None)]
    [74.9, 60.0, 50.0, 62.5]
    """
    if override is None:
        return model_score
    if override.band == "":
        return override.score
    low, high = _bounds(override.band, scorecard)
    if model_score is None:
        return round((low + high) / 2, 1)
    return min(max(model_score, low), round(high - _STEP, 1) if high < 100 else 100.0)


def overridden_band(override: HealthOverride, score: float, scorecard: Scorecard) -> Band:
    """The band while an override holds: the one that was set, or that of the score that was."""
    return scorecard.band(score) if override.band == "" else override.band


def override_of(override: HealthOverride) -> Override:
    """The override as the report has it."""
    return Override(
        override.owner,
        override.reason,
        moment(override.expires_ms),
        None if override.band else override.score,
        override.band or None,
    )


def _bounds(band: Band, scorecard: Scorecard) -> tuple[float, float]:
    """The floor of a band and that of the next better one, or 100."""
    above = 100.0
    for name, floor in scorecard.band_floors:
        if name == band:
            return floor, above
        above = floor
    return 0.0, above  # a band that the scorecard does not have: at its lowest
