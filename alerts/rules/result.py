"""What a rule answers: broken, kept, or too early to say; always with its reason."""

from dataclasses import dataclass
from datetime import datetime

from alerts.model import Number, Severity


@dataclass(frozen=True)
class Firing:
    """The rule is broken: how badly, why, and the numbers behind it."""

    severity: Severity
    reason: str
    evidence: dict[str, Number]


@dataclass(frozen=True)
class Resolved:
    """The rule is kept, with room to spare.

    Args:
        reason: why.
        recovered: what was wrong is well again; False when it merely ended.
    """

    reason: str
    recovered: bool = True


@dataclass(frozen=True)
class Indeterminate:
    """Too little to decide on, or too close to the line: what was decided before stays."""

    reason: str


RuleResult = Firing | Resolved | Indeterminate


@dataclass(frozen=True)
class Baseline:
    """Where an account stood when its last episode ended: later drops are measured from here."""

    as_of: datetime
    score: float
