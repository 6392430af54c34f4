"""How an error ends a command: one message on stderr, a status, and no traceback for what was raised on purpose."""

import logging
import sys
from typing import Any, Final

import typer
from typer.core import TyperGroup

from heartline.errors import FileError
from stream.contracts.errors import ConfigError, HeartlineError

# 2: what was typed or configured is wrong; 1: it was right, and failed.
USAGE_STATUS: Final = 2
FAILURE_STATUS: Final = 1


class WordedErrors(TyperGroup):
    """The command group that words errors."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        for library in ("aiokafka", "kafka"):
            logging.getLogger(library).setLevel(logging.CRITICAL)  # they log what they also raise
        try:
            return super().invoke(ctx)
        except (ConfigError, FileError) as error:
            raise _exit(error, USAGE_STATUS) from None
        except HeartlineError as error:
            raise _exit(error, FAILURE_STATUS) from None


def _exit(error: HeartlineError, status: int) -> typer.Exit:
    print(f"heartline: {error}", file=sys.stderr)
    return typer.Exit(status)
