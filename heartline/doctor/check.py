"""What a check says: how it stands, what was found, and what to do."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "broken"]


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: what was looked at.
        state: ok; note: it works, and there is something to know; broken: it will not work.
        found: what was found. Never a secret.
        advice: what to do; None where nothing is to be done.
    """

    name: str
    state: State
    found: str
    advice: str | None = None


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, "ok", found)


def note(name: str, found: str, advice: str | None = None) -> Check:
    """Worth knowing."""
    return Check(name, "note", found, advice)


def broken(name: str, found: str, advice: str) -> Check:
    """It will not work."""
    return Check(name, "broken", found, advice)
