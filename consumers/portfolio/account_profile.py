"""What an account was called, and whose and which it was, day by day: a slowly changing dimension."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from msgspec import UNSET

from consumers.portfolio.days import FOREVER
from consumers.portfolio.entries import AccountEntry


@dataclass(frozen=True, slots=True)
class Profile:
    """How the CRM described an account from a day up to, but without, another; None: not told, or cleared."""

    from_day: int
    to_day: int
    name: str | None = None
    segment: str | None = None
    owner: str | None = None
    stage: str | None = None


def profiles(updates: Iterable[tuple[int, int, AccountEntry]]) -> list[Profile]:
    """The descriptions in order, without gaps; what was told first holds for the days before it, too.

    Args:
        updates: (moment in ms, day, entry) in any order; of two at one moment the later in order wins.
    """
    found: list[Profile] = []
    now = Profile(0, FOREVER)
    for _, day, entry in sorted(updates, key=lambda update: update[0]):
        then = replace(
            now,
            name=now.name if entry.name is UNSET else entry.name,
            segment=now.segment if entry.segment is UNSET else entry.segment,
            owner=now.owner if entry.owner is UNSET else entry.owner,
            stage=now.stage if entry.lifecycle_stage is UNSET else entry.lifecycle_stage,
        )
        if not found:
            found.append(then)
        elif then != now:
            if found[-1].from_day < day:
                found[-1] = replace(found[-1], to_day=day)
                found.append(replace(then, from_day=day))
            else:
                found[-1] = replace(then, from_day=found[-1].from_day)
        now = replace(found[-1], to_day=FOREVER)
    return found
