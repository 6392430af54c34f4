"""How an error ends a command: one message on stderr, a status, and no traceback for what was raised on purpose.

Whatever is printed passes through `redact`: no message and no traceback tells a secret.
"""

import logging
import os
import sys
import traceback
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from heartline.errors import FileError
from heartline.processes.running_installation import use_running
from stream.config.redact import redact
from stream.contracts.denied import denied
from stream.contracts.errors import ConfigError, HeartlineError

# 2: what was typed or configured is wrong; 1: it was right, and failed.
USAGE_STATUS: Final = 2
FAILURE_STATUS: Final = 1

# Commands that start servers themselves, or need none.
_OWN_SERVERS: Final = frozenset({"up", "demo", "servers", "bench"})

# Typer's own ways to end a command; it words them itself.
_TYPERS_OWN: Final = (TyperException, typer.Exit, typer.Abort)


class WordedErrors(TyperGroup):
    """The command group that words errors."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        for library in ("aiokafka", "kafka"):
            logging.getLogger(library).setLevel(logging.CRITICAL)  # they log what they also raise
        if not _OWN_SERVERS & set(sys.argv[1:2]) and "--config" not in sys.argv:
            use_running(os.environ)
        try:
            return super().invoke(ctx)
        except (ConfigError, FileError) as error:
            raise _exit(error, USAGE_STATUS) from None
        except HeartlineError as error:
            raise _exit(error, FAILURE_STATUS) from None
        except _TYPERS_OWN as error:
            option = getattr(error, "option_name", "--")
            if not option.startswith("--"):  # an id, more likely
                error.message += f"; a value that begins with a dash comes after --, as -- {option}"  # type: ignore[union-attr]
            raise
        except BrokenPipeError:
            raise  # whoever read the output, as `head`, has enough: Typer ends without a word
        except Exception as error:
            if (refused := denied(error)) is not None:
                raise _exit(HeartlineError(refused), FAILURE_STATUS) from None
            print(redact(traceback.format_exc()), file=sys.stderr)
            fault = f"unexpected {type(error).__name__}: a fault in Heartline; please report it with the lines above"
            raise _exit(HeartlineError(fault), FAILURE_STATUS) from None


def _exit(error: HeartlineError, status: int) -> typer.Exit:
    print(f"heartline: {redact(str(error))}", file=sys.stderr)
    return typer.Exit(status)
