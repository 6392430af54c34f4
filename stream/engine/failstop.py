"""The one way out when the engine can't go on safely: say why, flush, leave at once.

Invariant: nothing durable happens after an unexpected error. What was not committed is folded again by the next
process, from the last checkpoint; so leaving is always safe, and staying with a doubt never is.
"""

import logging
import os
import sys
from enum import IntEnum
from typing import NoReturn, Protocol

from stream.config.logs import get_logger
from stream.contracts.denied import denied

log = get_logger(__name__)


class ExitCode(IntEnum):
    """Why the process left; distinct, so that a supervisor's log tells one from another."""

    FOLD = 70
    SEQUENCE = 71
    CHECKPOINT = 72
    FENCED = 73
    RECOVERY = 74
    ASSIGNMENT = 75
    STALLED = 76
    CRASHED = 77


class Stop(Protocol):
    """Leaves for good; tests inject one that raises."""

    def __call__(self, code: ExitCode, what: str, error: BaseException | None = None) -> NoReturn:
        """`what`: which thing failed, with topic[partition]@offset where there is one."""
        ...


def fail_stop(code: ExitCode, what: str, error: BaseException | None = None) -> NoReturn:
    """Log the reason and end the process without running anything else.

    No atexit hook, no `finally`, no producer flush: each of them could still send what must not be sent.
    """
    if (refused := denied(error)) is not None:
        what = f"{what}: {refused}"
    log.critical(
        "fail-stop (%s, exit code %d): %s; a restart goes on from the last checkpoint",
        code.name.lower(),
        code,
        what,
        exc_info=error,
    )
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
