"""Everything that the board knows, and how each topic's records come into it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kafka.errors import KafkaError

from alerts.config import read_config
from consumers.alerting.loop import Record
from consumers.board.account_details import AccountDetails, PastScores, account_details
from consumers.board.account_index import AccountIndex, AccountRow, RecordPosition, row_of
from consumers.board.alert_log import AlertLog
from consumers.board.command_service import CommandResults
from consumers.board.dead_letter_view import DeadLetterLog
from consumers.board.live_updates import Hub
from consumers.board.record_lookup import RecordLookup
from consumers.board.settings import BoardSettings
from consumers.board.topic_reader import TopicReader, TopicSubscription
from consumers.scorecard_reviews import ReviewLog
from stream.config.logs import get_logger
from stream.contracts.errors import BadEvent
from stream.contracts.report import Band, HealthReport, decode_report
from stream.kinds.state import decode_state
from stream.measures.product import product_config_from
from stream.scoring.scorecard_yaml import read_scorecards
from stream.scoring.shipped import DEFAULT, SHIPPED

READ_TRIES: Final = 3  # a record may be replaced while it is looked for

log = get_logger(__name__)


@dataclass(frozen=True)
class Account:
    """One account as its page shows it.

    Attributes:
        details: None when its state is not to be had: another topic lags, or was lost.
    """

    row: AccountRow
    report: HealthReport
    details: AccountDetails | None

    @property
    def scores(self) -> list[tuple[str, float]]:
        """(ISO date, score) by day, oldest first: what the state remembers, and the report's own days."""
        older = self.details.scores if self.details is not None else []
        return sorted((dict(older) | dict(self.report.history)).items())


class ReadModel:
    """What is read from Kafka, and what is looked up there.

    Args:
        settings: everything.
        hub: told of each change.
        read: gives the value of one record by topic, partition, offset and key; Kafka's own by default.
    """

    def __init__(
        self,
        settings: BoardSettings,
        hub: Hub,
        read: Callable[[str, RecordPosition, str], bytes | None] | None = None,
    ) -> None:
        self.topics = settings.kafka.topics
        self.accounts = AccountIndex(read_config(settings.alerting.config).money)
        self.letters = DeadLetterLog(settings.board.dead_letters_kept)
        self.command_results = CommandResults()
        self.alerts = AlertLog(settings.board.alerts_kept, self.command_results.take)
        self.reviews = ReviewLog()
        self.poison = 0
        cards = read_scorecards(settings.scorecards) if settings.scorecards is not None else SHIPPED
        self._floors = {card.name: card.band_floors for card in cards.cards}
        self._core_features = settings.product.core_features
        self._past = PastScores(cards, frozenset(self._core_features), product_config_from(settings))
        self._reader = RecordLookup(settings.kafka)
        self._read = read if read is not None else self._reader.read
        self.topic_reader = TopicReader(
            settings.kafka,
            [
                TopicSubscription(self.topics.health, self.take_report),
                TopicSubscription(self.topics.changelog, self.take_state),
                TopicSubscription(self.topics.alerts, self.take_step),
                TopicSubscription(self.topics.scorecard_reviews, self.take_review),
                TopicSubscription(self.topics.dead_letters, self.take_letter, newest=settings.board.dead_letters_kept),
            ],
            hub.changed,
        )

    def account(self, account_id: str) -> Account | None:
        """One account whole; None when there is none of that id.

        Raises:
            KafkaError: Kafka does not answer.
        """
        found = self.report(account_id)
        row = self.accounts.row(account_id)
        if found is None or row is None:
            return None
        return Account(row, found[1], self._details(account_id, found[1]))

    def report(self, account_id: str) -> tuple[RecordPosition, HealthReport] | None:
        """One account's current report, and where it lies; None when there is none of that id.

        Raises:
            KafkaError: Kafka does not answer.
            BadEvent: the record is no report.
        """
        for _ in range(READ_TRIES):
            row = self.accounts.row(account_id)
            if row is None:
                return None
            value = self._read(self.topics.health, row.position, account_id)
            if value is not None:
                return row.position, decode_report(value)
        raise KafkaError(f"the report of {account_id!r} could not be read at its offset; try again")

    def floors(self, scorecard: str) -> tuple[tuple[Band, float], ...]:
        """Band to its lowest score in a scorecard, best band first; the shipped one's for a scorecard that we lack."""
        return self._floors.get(scorecard, DEFAULT.band_floors)

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close()

    def take_report(self, record: Record) -> str | None:
        """A record of account-health."""
        account_id = (record.key or b"").decode("utf-8", "replace")
        if record.value is None:
            self.accounts.drop(account_id)
            self.letters.forget(account_id)
            return account_id
        try:
            report = decode_report(record.value)
        except BadEvent as error:
            self.poison += 1
            log.warning(
                "record passed over",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                error=error.detail,
            )
            return None
        self.accounts.put(row_of(report, RecordPosition(record.partition, record.offset)))
        return account_id

    def take_state(self, record: Record) -> str | None:
        """A record of the state changelog: only where it lies is kept."""
        account_id = (record.key or b"").decode("utf-8", "replace")
        position = RecordPosition(record.partition, record.offset) if record.value is not None else None
        self.accounts.put_state(account_id, position)
        return None

    def take_step(self, record: Record) -> str | None:
        """A record of the audit log."""
        return self.alerts.take(record.value, record.key)

    def take_review(self, record: Record) -> str | None:
        """A step of a scorecard's review."""
        return self.reviews.take(record.key or b"", record.value)

    def take_letter(self, record: Record) -> str | None:
        """A dead letter."""
        self.letters.add(record.value, record.timestamp)
        return None

    def _details(self, account_id: str, report: HealthReport) -> AccountDetails | None:
        for _ in range(READ_TRIES):
            position = self.accounts.state_position(account_id)
            if position is None:
                return None
            value = self._read(self.topics.changelog, position, account_id)
            if value is not None:
                return account_details(decode_state(value), report.as_of, self._core_features, self._past)
        return None
