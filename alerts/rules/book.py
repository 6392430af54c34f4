"""All rules with their settings, and which of them are for an account."""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from alerts.rules.band import BandEntered
from alerts.rules.contract import CancellationRequested, RenewalNear
from alerts.rules.drop import ScoreDropped
from alerts.rules.feedback import DetractorFollowUp, PromoterFollowUp
from alerts.rules.journey import MilestoneStuck, OnboardingStuck, OutcomeOffTrack
from alerts.rules.people import BreadthCollapsed, ChampionGone
from alerts.rules.rule import Rule, Tone
from alerts.rules.seats import LicencesHigh, LicencesLow
from alerts.rules.silence import Silence
from alerts.rules.support import EscalationOpen
from stream.contracts.report import Profile

CHOICES_MAX: Final = 10_000  # of segment and stage; a feed may invent as many segments as it likes


class RuleSettings(BaseModel):
    """Section `rules` of the alerting configuration: each rule by its name, the most telling first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cancellation_requested: CancellationRequested = CancellationRequested()
    band_entered: BandEntered = BandEntered()
    silence: Silence = Silence()
    champion_gone: ChampionGone = ChampionGone()
    score_dropped: ScoreDropped = ScoreDropped()
    breadth_collapsed: BreadthCollapsed = BreadthCollapsed()
    renewal_near: RenewalNear = RenewalNear()
    escalation_open: EscalationOpen = EscalationOpen()
    outcome_off_track: OutcomeOffTrack = OutcomeOffTrack()
    onboarding_stuck: OnboardingStuck = OnboardingStuck()
    milestone_stuck: MilestoneStuck = MilestoneStuck()
    licences_low: LicencesLow = LicencesLow()
    detractor_follow_up: DetractorFollowUp = DetractorFollowUp()
    promoter_follow_up: PromoterFollowUp = PromoterFollowUp()
    licences_high: LicencesHigh = LicencesHigh()

    @model_validator(mode="after")
    def _speakers_are_rules(self) -> Self:
        """A rule is spoken for by rules that come before it, so that they have spoken already."""
        seen: list[str] = []
        for name in RuleSettings.model_fields:
            for speaker in getattr(self, name).inhibited_by:
                if speaker not in seen:
                    told = f"{speaker!r} is no rule before {name}; there are {', '.join(seen) or 'none'}"
                    raise PydanticCustomError("speaker", "{told}", {"told": told, "at": (name, "inhibited_by")})
            seen.append(name)
        return self


# The rules about the score: where an episode of theirs ended, later drops are measured from.
ABOUT_SCORE: Final = frozenset(name for name, rule in RuleSettings() if isinstance(rule, Rule) and rule.is_about_score)


TONES: Final[dict[str, Tone]] = {rule.name: rule.tone for _, rule in RuleSettings() if isinstance(rule, Rule)}
SHOWN_BY: Final[dict[str, tuple[str, ...]]] = {
    rule.name: rule.shows for _, rule in RuleSettings() if isinstance(rule, Rule)
}


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
