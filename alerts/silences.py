"""Silences: for a while, tell nothing of the alerts that match. They are kept, exported and evaluated all the same."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from alerts.model import Alert, Severity

_Name = Annotated[str, Meta(min_length=1, max_length=256)]
_Moment = Annotated[datetime, Meta(tz=True)]


class Silence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One silence. An alert matches when every matcher that is given equals the alert's own value.

    Attributes:
        silence_id: its name.
        by: who asked for it.
        why: the reason, for whoever finds it later.
        starts_at, ends_at: from when until when, the end not included.
        account_id, segment, owner, rule, severity: matchers; None matches anything. At least one is given.
    """

    silence_id: _Name
    by: Annotated[str, Meta(min_length=1, max_length=200)]
    why: Annotated[str, Meta(min_length=1, max_length=1000)]
    starts_at: _Moment
    ends_at: _Moment
    account_id: _Name | None = None
    segment: _Name | None = None
    owner: _Name | None = None
    rule: _Name | None = None
    severity: Severity | None = None

    def __post_init__(self) -> None:
        if self.ends_at <= self.starts_at:
            raise ValueError(f"silence {self.silence_id}: ends_at must be after starts_at")
        if not self.matchers:
            raise ValueError(
                f"silence {self.silence_id}: expected at least one of account_id, segment, owner, rule, severity"
            )

    @property
    def matchers(self) -> dict[str, str]:
        """The matchers that are given, by name."""
        given = {
            "account_id": self.account_id,
            "segment": self.segment,
            "owner": self.owner,
            "rule": self.rule,
            "severity": self.severity,
        }
        return {name: value for name, value in given.items() if value is not None}

    def covers(self, now: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.starts_at <= now < self.ends_at

    def matches(self, alert: Alert) -> bool:
        """Whether it speaks of an alert; one about a rule, where no signal of another rule fires."""
        matchers = self.matchers
        rule = matchers.pop("rule", None)
        if rule is not None and not all(signal.rule == rule for signal in alert.firing):
            return False
        return (rule is None or rule == alert.rule) and all(
            getattr(alert, name) == value for name, value in matchers.items()
        )


def silence_over(alert: Alert, silences: Iterable[Silence], now: datetime) -> Silence | None:
    """The silence that holds over an alert, of several the one that ends last; None when there is none."""
    holding = [silence for silence in silences if silence.covers(now) and silence.matches(alert)]
    return max(holding, key=lambda silence: silence.ends_at, default=None)
