"""How every process logs: structlog on stderr, as lines for people or as JSON, and the libraries' records with ours.

A log call names what happened, and says on what by fields: `account_id`, `topic`, `partition`, `offset`, `alert_id`,
`receiver`. Every line passes through `redact` before it is written.
"""

import logging
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field
from structlog.typing import EventDict, WrappedLogger

from stream.config.redact import redact

Logger = structlog.stdlib.BoundLogger

_BEFORE: Final[list[structlog.typing.Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

ROUTINE_SECONDS: Final = 15.0
TELL_AGAIN_SECONDS: Final = 60.0
LINES_MAX: Final = 1_000
# What aiokafka and kafka-python say of what they try again: in the first seconds it is no news.
_ROUTINE: Final = ("retrying", "Marking the coordinator dead", "not found in cluster metadata")

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_BEFORE,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=Logger,
    cache_logger_on_first_use=True,
)


class RepeatedTries(logging.Filter):
    """Holds back what a Kafka client says with each of its tries: the same words are told once a minute.

    While a broker is away that would be ten to twenty lines a second. A broker that starts, or has just made a topic,
    answers for some seconds that it does not lead it yet: that is told where it lasts. A connection that broke is told
    without a traceback.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, tuple[float, float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written; by the record's own time."""
        message = record.getMessage()
        if not record.name.startswith(("aiokafka", "kafka")) or record.levelno <= logging.DEBUG:
            return True
        if record.exc_info and isinstance(record.exc_info[1], OSError):
            record.exc_info = None  # a connection that broke is no fault of the program's, and the line says why
        since, told = self._lines.get(message, (record.created, 0.0))
        if record.created - max(since, told) > ROUTINE_SECONDS + TELL_AGAIN_SECONDS:
            since = record.created  # another time
        lasts = record.created - since >= ROUTINE_SECONDS or not any(part in message for part in _ROUTINE)
        is_told = lasts and record.created - told >= TELL_AGAIN_SECONDS
        if message not in self._lines and len(self._lines) >= LINES_MAX:
            self._lines.clear()
        self._lines[message] = since, record.created if is_told else told
        return is_told


class LogSettings(BaseModel):
    """What a process writes on stderr."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["console", "json"] = Field(
        "console", description="console: a line for people; json: an object a line, for what collects logs"
    )
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is written")


def get_logger(name: str) -> Logger:
    """The logger of a module."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


def configure_logging(settings: LogSettings, quiet: Iterable[str] = ()) -> None:
    """Set up the log of this process, in place of what was set up before.

    Args:
        settings: format and level.
        quiet: libraries whose routine is not an operator's concern, while their warnings are.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(settings.format == "json"))
    handler.addFilter(RepeatedTries())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)  # it warns of turns that a busy machine makes long
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends the process by surprise is logged like all else, secrets hidden."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    get_logger(__name__).critical("uncaught error", exc_info=(kind, error, trace))


def _formatter(as_json: bool) -> structlog.stdlib.ProcessorFormatter:
    """From a record, ours or a library's, to its line."""
    rendering: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(
                pad_event_to=0, colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_BEFORE, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering, _redacted],
    )


def _redacted(logger: WrappedLogger, name: str, line: str | EventDict) -> str:
    return redact(str(line))
