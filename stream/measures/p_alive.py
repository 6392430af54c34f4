"""The probability that the account is still alive, by the rhythm of its weeks."""

from functools import lru_cache
from typing import Final

from stream.contracts.report import Number
from stream.measures.context import MeasureContext
from stream.measures.registry import Measure, Measures, measures
from stream.measures.wording import counted

AGE_MIN_DAYS: Final = 14
WEEKS: Final = 52

# BG/NBD: how often a living account is active (r, alpha), and how likely it is to die after an active week (a, b).
# Source: Fader, Hardie and Lee, "Counting Your Customers" the Easy Way, 2005, table 4 (CDNOW).
_R: Final = 0.243
_ALPHA: Final = 4.414
_A: Final = 0.793
_B: Final = 2.426
_ONCE: Final = 0.3  # an account with one active week: how fast silence makes it doubtful

_YEAR_MASK: Final = (1 << 7 * WEEKS) - 1
_WEEK_ENDS: Final = sum(1 << 7 * week for week in range(WEEKS))


def _alive(before: Number | None, now: Number, measures: Measures) -> str | None:
    """How unusual the silence is for the rhythm of its weeks."""
    silent, active = measures.get("weeks_silent"), measures.get("active_weeks")
    if silent is None or active is None:
        return None
    chance = f"chance that it is still alive {now:.0%}"
    if silent == 0 or active == 0:
        return chance if before is None else f"chance that it is still alive {before:.0%} → {now:.0%}"
    known_days = measures.get("days_known") or 0
    weeks = min(-(-known_days // 7), WEEKS)
    rhythm = f", though it was active in {active} of {weeks}" if weeks > silent else ""
    return f"no use for {counted(silent, 'week')}{rhythm}: {chance}"


@measures(
    Measure(
        "p_alive",
        "chance that it is still alive",
        "percent",
        "probability",
        "BG/NBD over the active weeks of the trailing 52 (r 0.243, alpha 4.414, a 0.793, b 2.426), weeks counted back"
        " from as_of; 0 where none was active",
        none_when="the account is younger than 14 days",
        deserted=None,
        reference="Fader, Hardie and Lee 2005",
        phrase=_alive,
        stands_alone=True,
    ),
    Measure(
        "active_weeks",
        "active weeks of the last 52",
        "count",
        "weeks",
        "weeks of the trailing 52 with any use, counted back from as_of",
        none_when="as p_alive",
        deserted=None,
    ),
    Measure(
        "weeks_silent",
        "whole weeks without use",
        "count",
        "weeks",
        "weeks since the newest of them; 52 where there is none",
        none_when="as p_alive",
        deserted=None,
        published="clock",
    ),
    source="usage",
    available=lambda known: known.use,
)
def p_alive(context: MeasureContext) -> Measures:
    """How likely it is that an account with this rhythm is still alive. Source: docs/metrics.md, chance to be alive."""
    if context.days_known is None or context.days_known < AGE_MIN_DAYS:
        return {"p_alive": None, "active_weeks": None, "weeks_silent": None}
    days = context.active_bits & _YEAR_MASK
    days |= days >> 1  # bit i: active on day i or the one before it; and so on, up to a week
    days |= days >> 2
    weeks = (days | days >> 3) & _WEEK_ENDS
    if weeks == 0:
        return {"p_alive": 0.0, "active_weeks": 0, "weeks_silent": WEEKS}
    newest, oldest = ((weeks & -weeks).bit_length() - 1) // 7, (weeks.bit_length() - 1) // 7
    active = weeks.bit_count()
    alive = probability(active - 1, oldest - newest, oldest)
    return {"p_alive": alive, "active_weeks": active, "weeks_silent": newest}


@lru_cache(8192)
def probability(repeats: int, last_week: int, age_weeks: int) -> float:
    """BG/NBD's probability to be alive.

    Args:
        repeats: active weeks after the first one.
        last_week: weeks from the first to the last active one.
        age_weeks: weeks from the first active one to now.

    >>> round(probability(51, 51, 51), 3), round(probability(51, 47, 51), 3), probability(0, 0, 0)
    (0.985, 0.587, 1.0)
    """
    if repeats == 0:
        return 1.0 if age_weeks == 0 else float((_ALPHA / (_ALPHA + age_weeks)) ** _ONCE)
    odds: float = _A / (_B + repeats - 1) * ((_ALPHA + age_weeks) / (_ALPHA + last_week)) ** (_R + repeats)
    return 1 / (1 + odds)
