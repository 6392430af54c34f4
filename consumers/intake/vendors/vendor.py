"""What a vendor declares: how its webhooks are signed, and what each of their types becomes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from consumers.intake.mapping import Outcome
from consumers.intake.signatures import Check


@dataclass(frozen=True)
class Vendor:
    """One sender of webhooks.

    Args:
        name: the path under `/webhooks/` and the name of its settings.
        secret: what the setting `secret` holds, for the documentation.
        check: whether a request is the vendor's.
        translate: a parsed body and the request's headers to events, in the vendor's order.
        source: where its payloads are documented.
        cannot: what its webhooks do not say, for the documentation.
    """

    name: str
    secret: str
    check: Check
    translate: Callable[[Any, Mapping[str, str]], list[Outcome]]
    source: str
    cannot: str = ""
