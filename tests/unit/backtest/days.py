"""Days as the fold counts them."""

from datetime import date


def day(text: str) -> int:
    """A date as days since 1970-01-01."""
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()
