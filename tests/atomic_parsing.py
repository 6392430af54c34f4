"""A parser that threads can use at once, on interpreters whose own can't.

Up to CPython 3.11.7 and 3.12.1 the parser counts its depth once for all threads (python/cpython#106905). Python code
runs in the middle of it only where the collector calls some: a finalizer, or Hypothesis' measuring of the collector's
time. Another thread that then parses, or formats a traceback, makes it end with "SystemError: AST constructor recursion
depth mismatch" though nothing is wrong.
"""

import ast
import gc
import sys
from typing import Any

AFFECTED = sys.version_info < (3, 11, 8) or (3, 12) <= sys.version_info < (3, 12, 2)


def parse_without_interruption() -> None:
    """Keep the collector out of `ast.parse` for the rest of this process, so that nothing runs in the middle of it."""
    if not AFFECTED:
        return
    parse = ast.parse

    def uninterrupted(*args: Any, **more: Any) -> Any:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return parse(*args, **more)
        finally:
            if enabled:
                gc.enable()

    ast.parse = uninterrupted
