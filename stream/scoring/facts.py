"""What readers of a report rest on, as two numbers: whether any of it changed since the last report.

Alert rules, the board and exports read measures that move no point of the score. What alert rules read is compared at
each scan of an account that moved; everything is compared when the account's day turns. What time alone moves (days of
silence, hours of an escalation) is no fact: the report carries its moment, and whoever reads computes it.
"""

from hashlib import blake2b
from typing import Final

from msgspec import json

from stream.contracts.report import FACT_DIGITS, HealthReport
from stream.measures import Measures
from stream.measures.catalogue import DAY_FACTS, SCAN_FACTS

_SCAN: Final = tuple(sorted(SCAN_FACTS))
_OTHERS: Final = tuple(sorted(DAY_FACTS - SCAN_FACTS))
_encode: Final = json.Encoder(order="deterministic").encode


def scan_facts(measures: Measures, score: float | None) -> int:
    """What alert rules read, as 64 bits; the score in whole points, as they read it."""
    return _scan_facts(_read(measures), score)


def day_facts(measures: Measures, score: float | None) -> int:
    """All that more than time moves, as 64 bits; the score as exactly as that of a closed day is kept."""
    return _day_facts(_read(measures), measures, score)


def facts_of(report: HealthReport, known_day_facts: int | None = None) -> tuple[int, int]:
    """Both of a report; the second only where it is not known of the same measures and score."""
    read = _read(report.measures)
    scan = _scan_facts(read, report.score)
    return scan, _day_facts(read, report.measures, report.score) if known_day_facts is None else known_day_facts


def _scan_facts(read: list[object], score: float | None) -> int:
    return _number([None if score is None else round(score), read])


def _day_facts(read: list[object], measures: Measures, score: float | None) -> int:
    others: list[object] = [*map(measures.get, _OTHERS)]
    for at, value in enumerate(others):
        if type(value) is float:
            others[at] = float(f"{value:.2g}")
        elif type(value) is dict:
            others[at] = _noticeable(value)
    return _number([None if score is None else round(score, 1), read, others])


def _read(measures: Measures) -> list[object]:
    found: list[object] = [*map(measures.get, _SCAN)]
    for at, value in enumerate(found):
        if type(value) is float:
            found[at] = round(value, FACT_DIGITS)
    return found


def _noticeable(value: object) -> object:
    """As exactly as a person could notice, so that what fades for years is not told each day: two digits."""
    if type(value) is float:
        return float(f"{value:.2g}")
    if type(value) is dict:
        return {key: _noticeable(each) for key, each in value.items()}
    return value


def _number(values: object) -> int:
    return int.from_bytes(blake2b(_encode(values), digest_size=8).digest(), "big", signed=True)
