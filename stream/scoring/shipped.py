"""The scorecards that come with Heartline, read once; docs/health.md argues their choices."""

from typing import Final

from stream.scoring.scorecard import Scorecard, Scorecards
from stream.scoring.scorecard_yaml import PREVIOUS_FILE, SHIPPED_FILE, read_scorecards

SHIPPED: Final[Scorecards] = read_scorecards(SHIPPED_FILE)
DEFAULT: Final[Scorecard] = SHIPPED.cards[-1]
PREVIOUS: Final[Scorecard] = read_scorecards(PREVIOUS_FILE).cards[-1]  # to compare with
