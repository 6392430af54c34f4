"""What can go wrong with an embedded server, worded for the person who has to do something about it."""

from stream.contracts.errors import ConfigError, HeartlineError

OTHER_WAYS = (
    "Other ways: set KAFKA_BOOTSTRAP_SERVERS to a Kafka that already runs, "
    "or start one with `docker compose up -d kafka`."
)


class EmbeddedServerError(HeartlineError):
    """An embedded server could not be fetched, started or stopped. The message says what to do."""


class UnknownVersionError(EmbeddedServerError, ConfigError):
    """The version of Kafka that was asked for is not locked."""


class JarsUnavailableError(EmbeddedServerError):
    """The broker's jars are not in the cache and none of the ways to fetch them worked."""


class ChecksumMismatchError(EmbeddedServerError):
    """A fetched jar is not the one that the lock file names."""


class JavaMissingError(EmbeddedServerError):
    """No Java runtime new enough was found."""


class PortInUseError(EmbeddedServerError):
    """Another process listens on the port that the server was to use."""
