"""What readers of a report rest on, as two numbers: whether any of it changed since the last report.

Alert rules, the board and exports read measures that move no point of the score. What alert rules read is compared at
each scan of an account that moved; everything is compared when the account's day turns. What time alone moves (days of
silence, hours of an escalation) is no fact: the report carries its moment, and whoever reads computes it.
"""

from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import Any, Final

from msgspec import Raw, json

from stream.contracts.report import FACT_DIGITS
from stream.measures import Measures
from stream.measures.catalogue import DAY_FACTS, SCAN_FACTS

_scan_of: Final = itemgetter(*sorted(SCAN_FACTS))
_others_of: Final = itemgetter(*sorted(DAY_FACTS - SCAN_FACTS))
_encode: Final = json.Encoder(order="deterministic").encode


def scan_facts(measures: Measures, score: float | None) -> int:
    """What alert rules read, as 64 bits; the score in whole points, as they read it."""
    return _scan_facts(_read(measures), score)


def facts_of(measures: Measures, score: float | None) -> tuple[int, int]:
    """The same, and all that more than time moves: there the score is as exact as that of a closed day."""
    read = _read(measures)
    return _scan_facts(read, score), _day_facts(read, measures, score)


def _scan_facts(read: Raw, score: float | None) -> int:
    return _number([None if score is None else round(score), read])


def _day_facts(read: Raw, measures: Measures, score: float | None) -> int:
    others: list[Any] = [*_others_of(measures)]
    for at, value in enumerate(others):
        if value:  # most are unknown, or nothing
            kind = type(value)
            if kind is float:
                others[at] = _two_digits(value)
            elif kind is dict and float in map(type, value.values()):
                others[at] = {
                    key: _two_digits(each) if each and type(each) is float else each for key, each in value.items()
                }
    return _number([None if score is None else round(score, 1), read, others])


def _read(measures: Measures) -> Raw:
    """What alert rules read, encoded once for both numbers."""
    found: list[object] = [*_scan_of(measures)]
    for at, value in enumerate(found):
        if type(value) is float:
            found[at] = round(value, FACT_DIGITS)
    return Raw(_encode(found))


# Most are shares of a few people. It is not asked of 0, for -0 is the same key and another number.
@lru_cache(4096)
def _two_digits(value: float) -> float:
    """As exactly as a person could notice, so that what fades for years is not told each day."""
    return float(f"{value:.2g}")


def _number(values: object) -> int:
    return int.from_bytes(blake2b(_encode(values), digest_size=8).digest(), "big", signed=True)
