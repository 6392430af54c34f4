"""What a rule answers: firing, resolved, or indeterminate; always with its reason."""

from datetime import datetime

from msgspec import Struct

from alerts.model import Channel, Number, Severity


class Firing(Struct, frozen=True):
    """The rule is broken.

    Args:
        severity: how badly.
        headline: what happened, to be read after the account's name: "has gone quiet: ...".
        reason: the same as a sentence of its own, without a full stop: "Nobody has logged in for ...".
        evidence: the numbers behind it.
        names: the people it is about.
        channel: where this one is told, where it is not the rule's own for its severity.
    """

    severity: Severity
    headline: str
    reason: str
    evidence: dict[str, Number] = {}
    names: tuple[str, ...] = ()
    channel: Channel | None = None


class Resolved(Struct, frozen=True):
    """The rule is kept, with room to spare.

    Args:
        reason: why.
        recovered: what was wrong is well again; False when it merely ended.
    """

    reason: str
    recovered: bool = True


class Indeterminate(Struct, frozen=True):
    """Too little to decide on, or too close to the line: what was decided before stays.

    Args:
        reason: why.
        today: the words and numbers of a signal that goes on; None: nothing can be said of today.
    """

    reason: str
    today: Firing | None = None


RuleResult = Firing | Resolved | Indeterminate


class Baseline(Struct, frozen=True):
    """Where an account stood when its last signal about its score ended: later drops are measured from here."""

    as_of: datetime
    score: float
