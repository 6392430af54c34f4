"""How recent each source is: told of every account, and stale only where it is quiet for everyone."""

from datetime import UTC, datetime

import pytest

from stream.calendar.clock import ManualClock
from stream.calendar.day import DAY_MS
from stream.config.settings import Settings, WorkerSettings
from stream.contracts.report import Freshness
from stream.kinds.state import decode_state, encode_state
from stream.worker.health_processor import make_processor
from tests.streams import TOPICS, Raw, fold, record
from tests.unit.stream.lives import DAY, Part, evaluated, fold_one, usage

TICKET: Raw = {
    "event_id": "t",
    "account_id": "acme",
    "ticket_id": "1",
    "status": "opened",
    "timestamp": (DAY - 30) * DAY_MS,
}


def at(day: float) -> datetime:
    return datetime.fromtimestamp(day * 86_400, UTC)


def test_each_source_that_told_anything_is_in_the_report() -> None:
    clock = ManualClock(DAY * DAY_MS + DAY_MS // 2)
    processor, partition = fold([usage(1, DAY), TICKET | {"type": "ticket"}], clock=clock)
    (report,) = evaluated(processor, partition)
    assert report.freshness == {
        "usage": Freshness(at(DAY), 0.5, False),
        "tickets": Freshness(at(DAY - 30), 30.5, False),  # no ticket may well mean no trouble
    }


@pytest.mark.parametrize(
    ("quiet_days", "other_quiet_days", "stale", "why"),
    [
        (6, 1, False, "others are active: the account is silent, and that is a signal"),
        (6, 6, True, "nobody sends"),
        (4, 4, False, "a long weekend"),
    ],
)
def test_usage_is_stale_when_it_is_quiet_for_everyone(
    quiet_days: int, other_quiet_days: int, stale: bool, why: str
) -> None:
    clock = ManualClock(DAY * DAY_MS)
    processor, partition = fold(
        [usage(1, DAY - other_quiet_days, "birch"), usage(2, DAY - quiet_days, "acme")], clock=clock
    )
    reports = {report.account_id: report for report in evaluated(processor, partition)}
    assert reports["acme"].freshness["usage"].is_stale is stale, why


def test_who_was_never_used_is_told_from_who_is_never_told_of() -> None:
    """Usage of others is a source, and stale for all where it is; where nobody sends any, it is none."""
    clock = ManualClock(DAY * DAY_MS)
    ticket = TICKET | {"type": "ticket"}
    of_others = [usage(1, DAY - 1, "birch")], [usage(1, DAY - 6, "birch")]
    for others, told in (([], None), (of_others[0], Freshness()), (of_others[1], Freshness(is_stale=True))):
        processor, partition = fold([*others, ticket], clock=clock)
        (report,) = [each for each in evaluated(processor, partition) if each.account_id == "acme"]
        assert report.freshness.get("usage") == told


def test_after_a_restart_what_others_sent_is_known_once_they_are_judged() -> None:
    clock = ManualClock(DAY * DAY_MS)
    before, partition = fold([usage(1, DAY - 1, "birch"), usage(2, DAY - 9, "acme")], clock=clock)
    evaluated(before, partition)
    again = Part(0, states={name: decode_state(encode_state(state)) for name, state in partition.states.items()})
    settings = Settings(worker=WorkerSettings(stale_after_days={"usage": 2}))
    processor = make_processor(settings, clock)
    evaluated(processor, again)
    assert again.newest_ms == {TOPICS.input("usage"): (DAY - 1) * DAY_MS}
    fold_one(processor, again, "account", {"account_id": "acme", "owner": "dana"})
    (report,) = evaluated(processor, again)
    assert report.freshness["usage"] == Freshness(at(DAY - 9), 9.0, False)


def test_the_newest_event_of_each_topic_is_kept() -> None:
    processor, partition = fold([usage(1, DAY), usage(2, DAY - 1)], clock=ManualClock(DAY * DAY_MS))
    processor.fold(partition, TOPICS.input("ticket"), [record("ticket", TICKET)])
    assert partition.newest_ms == {TOPICS.input("usage"): DAY * DAY_MS, TOPICS.input("ticket"): (DAY - 30) * DAY_MS}
    assert partition.watermark_ms == DAY * DAY_MS
