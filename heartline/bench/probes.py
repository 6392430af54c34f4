"""Single events whose report is waited for: how soon is there for others to see what an event means.

Four kinds, each of accounts of its own, so that no other event moves them. All but the first are of accounts with 21
days of usage, up to the day before, and some answers:

- new: the first event of an account never seen before. Its first report is always news.
- high_priority: by turns a detractor's answer and an urgent ticket. Either moves the score by more than a point.
- first_daily_usage: the first usage of a day, which is always news.
- repeat_usage: more usage on a day of which a report has told. The most active user has not come for seven weeks, and
  another was there today; now the first is back, which moves the score by more than a point.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from heartline.bench.verify import Counts
from heartline.replay.lines import InputRecord
from stream.calendar.day import DAY_MS
from stream.topics import Kind

PREFIX: Final = "probe-"
HISTORY_DAYS: Final = 21
USERS: Final = 5
AWAY_DAYS: Final = 60  # so long ago began the use of the most active user, who comes back
AWAY_USE_DAYS: Final = 12  # and went on for so many days
ANSWERS: Final = 3
NEW_COUNTS: Final[Counts] = (1, 0, 0)

ProbeKind = Literal["new", "high_priority", "first_daily_usage", "repeat_usage"]
_TURNS: Final[tuple[ProbeKind, ...]] = ("high_priority", "high_priority", "first_daily_usage", "repeat_usage")


@dataclass(frozen=True, slots=True)
class Probe:
    """One event that a report is waited for.

    Attributes:
        account_id: of an account that gets no other event meanwhile.
        at_ms: when the event happens, which is newer than all before of the account; its report names it.
        handed_at: when it was handed to the producer, epoch seconds.
        kind: which of the four.
    """

    account_id: str
    at_ms: int
    handed_at: float
    kind: ProbeKind


def new_id(number: int) -> str:
    """The account of the probe of that number, of those that were never seen before."""
    return f"{PREFIX}new-{number:08}"


def known_id(number: int) -> str:
    """The account of the probe of that number, of those with a history."""
    return f"{PREFIX}known-{number:08}"


def first_event(number: int, at_ms: int) -> InputRecord:
    """The one event of an account never seen before."""
    return _record("usage", new_id(number), 0, at_ms, '"feature":"probe","user_id":"probe"')


def history(number: int, end_ms: int) -> Iterator[InputRecord]:
    """What a known account was sent before: an event of one of its users each day, and some glad answers."""
    name, again = known_id(number), kind_of(number) == "repeat_usage"
    for day in range(HISTORY_DAYS):
        back, user = HISTORY_DAYS - day, day % USERS
        if again:
            back, user = (AWAY_DAYS - day, 1) if day < AWAY_USE_DAYS else (back, 0)
        at_ms = end_ms - back * DAY_MS
        yield _use(name, day, at_ms, day % 3, user)
    for user in range(ANSWERS):
        at_ms = end_ms - (user + 2) * DAY_MS
        yield _record("survey", name, HISTORY_DAYS + user, at_ms, _answer(user, 10))
    if again:
        yield _use(name, HISTORY_DAYS + ANSWERS, end_ms, 0, 0)


def kind_of(number: int) -> ProbeKind:
    """Of which kind the probe of a known account is."""
    return _TURNS[number % len(_TURNS)]


def known_event(number: int, at_ms: int) -> InputRecord:
    """The event of a known account that is waited for: by turns an answer, a ticket, a first use and a further one."""
    name, event, turn = known_id(number), HISTORY_DAYS + ANSWERS, number % len(_TURNS)
    if turn == 0:
        return _record("survey", name, event, at_ms, _answer(ANSWERS, 0))
    if turn == 1:
        return _record("ticket", name, event, at_ms, '"ticket_id":"t1","status":"opened","priority":"urgent"')
    if turn == 2:
        return _use(name, event, at_ms, 0, 0)
    return _use(name, event + 1, at_ms, 0, 1)


def known_counts(number: int, *, probed: bool) -> Counts:
    """How many usage events, tickets and answers a known account was sent, with or without that event."""
    answered, opened, used, again = (int(probed and number % len(_TURNS) == turn) for turn in range(len(_TURNS)))
    before = int(kind_of(number) == "repeat_usage")
    return HISTORY_DAYS + before + used + again, opened, ANSWERS + answered


def _answer(user: int, score: int) -> str:
    return f'"survey":"nps","score":{score},"user_id":"user-{user}","response_id":"r{user}"'


def _use(account_id: str, event: int, at_ms: int, feature: int, user: int) -> InputRecord:
    return _record("usage", account_id, event, at_ms, f'"feature":"feature-{feature}","user_id":"user-{user}"')


def _record(kind: Kind, account_id: str, event: int, at_ms: int, body: str) -> InputRecord:
    value = f'{{"event_id":"{account_id}-{event}","account_id":"{account_id}",{body},"timestamp":{at_ms}}}'
    return InputRecord(kind, account_id.encode(), value.encode(), at_ms)
