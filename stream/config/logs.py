"""How every process of Heartline logs: one line a message on stderr, and of the libraries their warnings only."""

import logging
import sys
from collections.abc import Iterable
from typing import Final

FORMAT: Final = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"


def configure_logging(quiet: Iterable[str] = ()) -> None:
    """Set up the process's log.

    Args:
        quiet: libraries whose routine is not an operator's concern, while their warnings are.
    """
    logging.basicConfig(format=FORMAT, level=logging.INFO, stream=sys.stderr)
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)
