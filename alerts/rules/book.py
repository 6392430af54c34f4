"""All rules with their settings, and which of them are for an account."""

from typing import Final

from pydantic import BaseModel, ConfigDict

from alerts.rules.band import BandEntered
from alerts.rules.drop import ScoreDropped
from alerts.rules.rule import Rule
from stream.report import Profile

CHOICES_MAX: Final = 10_000  # of segment and stage; a feed may invent as many segments as it likes


class RuleSettings(BaseModel):
    """Section `rules` of the alerting configuration: each rule by its name, the most telling first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    band_entered: BandEntered = BandEntered()
    score_dropped: ScoreDropped = ScoreDropped()


class RuleBook:
    """The rules as they are for each account.

    Args:
        settings: all rules.

    Attributes:
        names: of all rules, in their order, switched off or not.
    """

    def __init__(self, settings: RuleSettings) -> None:
        self._rules: list[Rule] = [getattr(settings, name) for name in RuleSettings.model_fields]
        self.names: tuple[str, ...] = tuple(rule.name for rule in self._rules)
        self._chosen: dict[tuple[str | None, str | None], tuple[Rule, ...]] = {}

    def choose(self, profile: Profile) -> tuple[Rule, ...]:
        """The rules that are switched on for an account, with its own settings, the most telling first."""
        key = (profile.segment, profile.lifecycle_stage)
        rules = self._chosen.get(key)
        if rules is None:
            if len(self._chosen) >= CHOICES_MAX:
                self._chosen.clear()
            rules = self._chosen[key] = tuple(rule for own in self._rules if (rule := own.of(*key)).enabled)
        return rules


def default_rules() -> tuple[Rule, ...]:
    """The rules of an account of which nothing is known, as shipped."""
    return RuleBook(RuleSettings()).choose(Profile())
