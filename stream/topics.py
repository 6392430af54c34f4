"""The topics of Heartline: their names, what travels on them, and how they are made.

Every topic is keyed by `account_id` (raw UTF-8) and all input topics have the same partition count, so that
partition n of every input holds the same accounts and one worker folds them all into one state.
"""

from dataclasses import dataclass
from typing import Final, Literal

from stream.kinds.kind import Kind as Kind
from stream.kinds.kind import Source as Source
from stream.kinds.registry import KINDS as _KINDS

KINDS: Final[tuple[Kind, ...]] = tuple(_KINDS)

# Kind of event to what reports and scorecards call its source.
SOURCES: Final[dict[Kind, Source]] = {kind.name: kind.source for kind in _KINDS.values() if kind.source is not None}

STALE_AFTER_DAYS: Final[dict[Source, float]] = {
    kind.source: kind.stale_after_days
    for kind in _KINDS.values()
    if kind.source is not None and kind.stale_after_days is not None
}

DEFAULT_PARTITIONS: Final = 12

# What no account's health needs and the portfolio does, and how their topics are called.
LedgerKind = Literal["account_day", "referral", "cost", "rate"]
_LEDGER_NAMES: Final[dict[LedgerKind, str]] = {
    "account_day": "account-days",
    "referral": "referrals",
    "cost": "costs",
    "rate": "rates",
}
# Input topics that the portfolio reads from their beginning; whatever made them, nothing in them may expire.
_LEDGER_INPUTS: Final[tuple[Kind, ...]] = ("account", "subscription", "touchpoint", "survey", "ticket")
LEDGER_KINDS: Final[tuple[LedgerKind, ...]] = tuple(_LEDGER_NAMES)
_FOR_EVER: Final = {"retention.ms": "-1"}


@dataclass(frozen=True)
class TopicSpec:
    """How one topic is made: its name, partition count and the broker-side settings that differ from the default."""

    name: str
    partitions: int
    config: dict[str, str]


@dataclass(frozen=True)
class Topics:
    """The names of all topics of one installation.

    Args:
        prefix: put before every name, so that several installations share a cluster; empty by default.
        app_id: the worker's application id, which names its changelog and consumer group.
        own: topics of the installation's own with the kind of event that each carries; their names are whole ones.
    """

    prefix: str = ""
    app_id: str = "heartline"
    own: tuple[tuple[str, Kind], ...] = ()

    def input(self, kind: Kind) -> str:
        """The input topic of one kind of event that Heartline itself writes to."""
        return self.prefix + _KINDS[kind].topic

    @property
    def inputs(self) -> dict[str, Kind]:
        """Topic name to the kind of event that it carries, for every input topic."""
        return {self.input(kind): kind for kind in KINDS} | dict(self.own)

    @property
    def ledger(self) -> dict[str, Kind | LedgerKind]:
        """Topic name to kind, of everything that the portfolio reads; these topics are kept for ever."""
        inputs: dict[str, Kind | LedgerKind] = {self.input(kind): kind for kind in _LEDGER_INPUTS}
        return inputs | {self.prefix + name: kind for kind, name in _LEDGER_NAMES.items()}

    def topic_of(self, kind: Kind | LedgerKind) -> str:
        """The topic of anything that may be sent."""
        return self.prefix + (_KINDS[kind].topic if kind in _KINDS else _LEDGER_NAMES[kind])  # type: ignore[index]

    @property
    def account_days(self) -> str:
        """How each account stood at the end of each of its days, a record an account and day."""
        return self.prefix + _LEDGER_NAMES["account_day"]

    @property
    def repartition(self) -> str:
        """Input records that arrived in another partition than their account's, on their way to the right one."""
        return f"{self.prefix}{self.app_id}-repartition"

    @property
    def sources(self) -> list[str]:
        """Every topic that the worker folds: the inputs, the aliases, and the repartition topic."""
        return [*self.inputs, self.aliases, self.repartition]

    @property
    def aliases(self) -> str:
        """Compacted: by alias, the account whose id it is. Anybody may write it; so does the worker."""
        return self.prefix + "account-aliases"

    @property
    def waiting_aliases(self) -> str:
        """Compacted: the aliases whose events wait until somebody says whose they are."""
        return f"{self.prefix}{self.app_id}-waiting-aliases"

    @property
    def health(self) -> str:
        """Compacted: the latest health report per account."""
        return self.prefix + "account-health"

    @property
    def alerts(self) -> str:
        """The audit log of alerting: every step of every alert, kept for more than a year."""
        return self.prefix + "account-alerts"

    @property
    def alert_commands(self) -> str:
        """What people tell alerting: acknowledge, snooze, silence and so on."""
        return self.prefix + "alert-commands"

    @property
    def scorecard_reviews(self) -> str:
        """Compacted, each step under a key of its own: who had which scorecard looked at, and what they said of it."""
        return self.prefix + "scorecard-reviews"

    @property
    def dead_letters(self) -> str:
        """Input records that were refused, each with its reason and its original bytes."""
        return self.prefix + "dead-letters"

    @property
    def quarantine(self) -> str:
        """Compacted: the accounts whose state or events raise an error, and why."""
        return f"{self.prefix}{self.app_id}-quarantine"

    @property
    def changelog(self) -> str:
        """Compacted: the latest state per account, the worker's only durable memory."""
        return f"{self.prefix}{self.app_id}-state-changelog"

    def specs(self, partitions: int = DEFAULT_PARTITIONS) -> list[TopicSpec]:
        """Every topic, ready to be created with `partitions` partitions each.

        The changelog's segments are small and cleaned often: recovery reads what compaction has not yet removed.
        """
        # What is erased is gone from the disks within two days, however little else is written.
        compacted = {"cleanup.policy": "compact", "max.compaction.lag.ms": str(86_400_000)}
        changelog = compacted | {
            "segment.bytes": str(64 << 20),
            "segment.ms": str(20 * 60 * 1000),
            "min.cleanable.dirty.ratio": "0.2",
            "max.message.bytes": str(8 << 20),
        }
        # Its records carry the broker's time, which is also how the worker asks for that.
        quarantine = compacted | {"message.timestamp.type": "LogAppendTime", "segment.ms": str(3_600_000)}
        return [
            *(TopicSpec(name, partitions, _FOR_EVER if name in self.ledger else {}) for name in self.inputs),
            *(TopicSpec(name, partitions, _FOR_EVER) for name in self.ledger if name not in self.inputs),
            TopicSpec(self.repartition, partitions, {"max.message.bytes": str(8 << 20)}),
            TopicSpec(self.aliases, partitions, compacted),
            TopicSpec(self.waiting_aliases, partitions, compacted),
            TopicSpec(self.health, partitions, compacted),
            TopicSpec(
                self.alerts,
                partitions,
                compacted | {"cleanup.policy": "compact,delete", "retention.ms": str(400 * 86_400_000)},
            ),
            TopicSpec(self.alert_commands, partitions, {"retention.ms": str(400 * 86_400_000)}),
            TopicSpec(self.scorecard_reviews, partitions, compacted),
            TopicSpec(self.dead_letters, partitions, {"retention.ms": str(30 * 86_400_000)}),
            TopicSpec(self.quarantine, partitions, quarantine),
            TopicSpec(self.changelog, partitions, changelog),
        ]
