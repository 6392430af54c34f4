"""Every error that the stream package raises on purpose, under one root."""


class HeartlineError(Exception):
    """The root of Heartline's own errors: the message says what failed, what was expected and what to do."""


class ConfigError(HeartlineError):
    """A setting is wrong: the process stops at start with this one message."""


class BadEvent(HeartlineError):
    """An input record can't be accepted: it goes to the dead letters with this reason, and the worker goes on.

    Args:
        reason: one of `events.REASONS`, a closed set that is safe as a metric label.
        detail: the sentence for a person: which field, which value, what was expected.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class PassedOver(BadEvent):
    """A record of a feed that is not of the kind which is read from it: no dead letter, and counted."""

    def __init__(self, kind: str, why: str = "the feed's `where` does not take it") -> None:
        super().__init__("passed_over", f"{kind} event: {why}")


class EngineError(HeartlineError):
    """The engine can't go on safely: the process exits, and a restart resumes from the last checkpoint."""
