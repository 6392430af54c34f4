"""What to try next: for each rule a few plays, those first that answer what moved the score.

The plays are in the alerting configuration; docs/alerting.md argues the shipped ones.
"""

from collections.abc import Collection, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

PLAYS_MAX: Final = 30
SHOWN_MAX: Final = 5


class Play(BaseModel):
    """One thing to try.

    Attributes:
        id: names it in commands and touchpoints.
        name: a few words.
        do: what to do, in a sentence or two.
        who: whose it is.
        measures: the measures whose decline it answers; empty: it fits whatever moved.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    name: str = Field(min_length=3, max_length=60)
    do: str = Field(min_length=10, max_length=300)
    who: str = Field("owner", min_length=2, max_length=40)
    measures: tuple[str, ...] = Field((), max_length=20)


def choose(plays: Sequence[Play], moved: Sequence[str]) -> list[Play]:
    """The plays to show, the next step first; at most five.

    Args:
        plays: of the rule, in the order of the configuration.
        moved: ids of the measures that moved the score, the worst first.
    """
    assigned = {measure: at for at, measure in reversed(list(enumerate(moved)))}
    fitting = [play for play in plays if not play.measures or not assigned.keys().isdisjoint(play.measures)]
    return sorted(fitting, key=lambda play: _rank(play.measures, assigned))[:SHOWN_MAX]


def _rank(measures: Collection[str], assigned: dict[str, int]) -> int:
    """The position of the worst measure that a play answers; one that fits whatever moved comes after those."""
    return min((assigned[measure] for measure in measures if measure in assigned), default=len(assigned))
