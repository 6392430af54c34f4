"""From measures to points: which measures count, on which curve, with which weight, and where the bands lie.

- `model`      a scorecard, its lines, bands and vetoes, and the choice of one for an account: pure
- `catalogue`  the measures that a scorecard may name: what they are fed by and how they are shown
- `reading`    a file of scorecards to the model, every mistake told with file, line, field and value

The shipped file, `default.yaml`, is read once when this package is imported. docs/health.md argues its choices.
"""

from typing import Final

from stream.scorecard.model import Fed, Line, Scorecard, Scorecards, Veto
from stream.scorecard.reading import SHIPPED_FILE, read_scorecards

__all__ = ["DEFAULT", "SHIPPED", "Fed", "Line", "Scorecard", "Scorecards", "Veto"]

SHIPPED: Final = read_scorecards(SHIPPED_FILE)
DEFAULT: Final = SHIPPED.cards[-1]
