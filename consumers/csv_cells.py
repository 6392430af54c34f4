"""Cells of a CSV that people open in a spreadsheet: what customers typed must not run there as a formula."""

from typing import Any, Final

_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: Any) -> Any:
    """The value, with an apostrophe before a text that a spreadsheet would take for a formula; None is an empty cell.

    Numbers stay as they are. Source: OWASP, CSV Injection.

    >>> safe_cell('=HYPERLINK("x")'), safe_cell("acme"), safe_cell(-3.5), safe_cell(None)
    ('\\'=HYPERLINK("x")', 'acme', -3.5, None)
    """
    if isinstance(value, str) and value.lstrip().startswith(_STARTS):
        return f"'{value}"
    return value
