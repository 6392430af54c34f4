"""The first August and the first Christmas of a customer, with a calendar: no fall, in several random versions."""

from datetime import date

import pytest

from bench.situations import START, visits_of
from stream.calendar.day import DAY_MS, end_of_day_ms
from stream.calendar.workdays import Calendar, Calendars
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState
from stream.kinds.usage import UsageEvent
from stream.measures.product_config import ProductConfig
from stream.scoring.evaluation import evaluate
from stream.scoring.shipped import DEFAULT

EPOCH = date(1970, 1, 1).toordinal()
AUGUST = ((8, 1), (8, 31), 0.4)
DECEMBER = ((12, 1), (12, 31), 0.4)
BETWEEN_THE_YEARS = ((12, 22), (1, 2), 0.05)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "first", "last", "calendar"),
    [
        ("e_season", date(2023, 8, 1), date(2023, 9, 15), Calendar(quiet=[AUGUST, DECEMBER])),
        ("e_season", date(2023, 12, 1), date(2024, 1, 15), Calendar(quiet=[AUGUST, DECEMBER])),
        ("n_christmas", date(2023, 12, 22), date(2024, 1, 20), Calendar(quiet=[BETWEEN_THE_YEARS])),
        ("n_christmas", date(2023, 12, 22), date(2024, 1, 20), Calendar("DE")),
    ],
    ids=["august", "december", "christmas", "christmas by public holidays alone"],
)
def test_a_first_season_stays_above_50_with_a_calendar(
    name: str, first: date, last: date, calendar: Calendar, seed: int
) -> None:
    """One event of a user and day: how many there are makes no difference to the score."""
    product, state = ProductConfig(calendars=Calendars(calendar)), AccountState()
    days = range(first.toordinal() - START, last.toordinal() - START + 1)
    visits = [visit for visit in visits_of(name, seed) if visit[0] < days.stop]
    scores, at = [], 0
    for day in days:
        while at < len(visits) and visits[at][0] <= day:
            ms = (START - EPOCH + visits[at][0]) * DAY_MS
            user = f"u{visits[at][1]}"
            event = UsageEvent(account_id=name, user_id=user, feature="a", event_id=f"e{at}", timestamp=ms)
            fold_event(state, event)
            at += 1
        scores.append(evaluate(state, end_of_day_ms(START - EPOCH + day), DEFAULT, product=product).score)
    assert min(score for score in scores if score is not None) >= 50
    assert None not in scores
