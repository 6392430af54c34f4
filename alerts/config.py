"""The alerting configuration: one YAML file, every mistake told with file, line, field, value and what is accepted.

What a file leaves out is as shipped. docs/alerting-configuration.md is the description of the format for people.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from alerts.context import LifecycleSettings
from alerts.money import ONE_CURRENCY, MoneySettings
from alerts.playbooks import PLAYS_MAX, Play
from alerts.receiver_settings import ReceiverName, ReceiverSettings
from alerts.route_settings import RouteSettings, mistakes
from alerts.rules import RuleBook, RuleSettings
from alerts.rules.custom import RULES_MAX, CustomRule
from stream.config.located import read_model

SETTINGS_RECEIVER: Final = "slack"  # the webhook of the process's own settings, where it has one


Plays = Annotated[tuple[Play, ...], Field(min_length=1, max_length=PLAYS_MAX)]


class AlertingConfig(BaseModel):
    """The whole file; each section belongs to the module that defines it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    money: MoneySettings = Field(ONE_CURRENCY, description="what bounds of money are in")
    rules: RuleSettings = RuleSettings()
    custom_rules: tuple[CustomRule, ...] = Field((), max_length=RULES_MAX, description="rules of one's own")
    lifecycle: LifecycleSettings = LifecycleSettings()
    playbooks: dict[str, Plays] = Field({}, description="by rule, in the place of the shipped plays")
    receivers: dict[ReceiverName, ReceiverSettings] = Field({}, description="who may be told, by name")
    routes: tuple[RouteSettings, ...] | None = Field(None, description="null: everybody is told of everything")

    @cached_property
    def book(self) -> RuleBook:
        """The rules as they are for each account."""
        return RuleBook([*self.rules.all(), *self.custom_rules], self.money)

    @cached_property
    def plays(self) -> dict[str, tuple[Play, ...]]:
        """By rule, what to try where it is not what the shipped rule declares."""
        return {**{rule.name: rule.plays for rule in self.custom_rules}, **self.playbooks}

    @model_validator(mode="after")
    def _money_has_a_currency(self) -> Self:
        """A bound of money is in a currency."""
        if self.money.currency is None and (
            self.book.asks_for_money or any(route.asks_for_money for route in self.routes or ())
        ):
            message = "expected currency (such as USD): the one that mrr_at_least, mrr_at_most and mrr_below are in"
            raise PydanticCustomError("money", "{message}", {"message": message, "at": ("money",)})
        return self

    @field_validator("custom_rules")
    @classmethod
    def _of_their_own_name(cls, rules: tuple[CustomRule, ...]) -> tuple[CustomRule, ...]:
        """No two rules have a name."""
        names = list(RuleSettings.model_fields)
        for at, rule in enumerate(rules):
            if rule.name in names:
                raise PydanticCustomError("rule", "another rule has this name", {"at": (at, "name")})
            names.append(rule.name)
        return rules

    @field_validator("routes")
    @classmethod
    def _to_receivers(
        cls, routes: tuple[RouteSettings, ...] | None, info: ValidationInfo
    ) -> tuple[RouteSettings, ...] | None:
        """Their receivers are there, and the last one takes what is left."""
        known = frozenset(info.data.get("receivers", {})) | {SETTINGS_RECEIVER}
        for at, message in mistakes(routes, known) if routes is not None else ():
            raise PydanticCustomError("route", "{message}", {"message": message, "at": at})
        return routes

    @field_validator("playbooks")
    @classmethod
    def _of_rules(cls, playbooks: dict[str, Plays]) -> dict[str, Plays]:
        """The rules are known, and a play's id stands once under each."""
        for rule, plays in playbooks.items():
            if rule not in RuleSettings.model_fields:
                message = f"there is no such rule; there are {', '.join(RuleSettings.model_fields)}"
                raise PydanticCustomError("rule", "{message}", {"message": message, "at": (rule,)})
            ids = [play.id for play in plays]
            for at, name in enumerate(ids):
                if name in ids[:at]:
                    raise PydanticCustomError("play", "stands here twice", {"at": (rule, at, "id")})
        return playbooks


def read_config(path: Path | None = None) -> AlertingConfig:
    """The configuration of a file; what it leaves out, and None, is as shipped.

    Raises:
        ConfigError: every mistake in it, at most twenty, each with file, line, field, value and what is accepted.
    """
    return AlertingConfig() if path is None else _read(path)


def _read(path: Path) -> AlertingConfig:
    """One file by itself."""
    return read_model(
        path, AlertingConfig, "alerting configuration", "sections such as rules (docs/alerting-configuration.md)"
    )
