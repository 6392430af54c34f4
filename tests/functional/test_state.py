"""The state in Redis: a batch is written whole or not at all, once, and a loss shows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from alerts.evaluation import evaluate_rules
from consumers.alerting.audit_log import AuditLog
from consumers.alerting.outbox import Outbox
from consumers.alerting.state import Changes, LoadedState, StateStore
from consumers.errors import StateMovedError
from stream.contracts.report import encode_report
from tests.notifications import make_entry
from tests.paged import RULES
from tests.reports import MONDAY, make_report

Decide = Callable[[LoadedState], Changes]


@pytest.fixture
def outbox(client: redis.Redis, prefix: str) -> Outbox:
    """The outbox beside the state."""
    return Outbox(client, prefix)


@pytest.fixture
def store(client: redis.Redis, prefix: str, outbox: Outbox) -> StateStore:
    """The state."""
    return StateStore(client, prefix, outbox, AuditLog(client, prefix))


def batch(account: str = "acme", score: float = 40, next_offset: int = 10) -> Decide:
    """One report's worth of changes, with a notification."""
    report = make_report(account, score)

    def decide(known: LoadedState) -> Changes:
        evaluation = evaluate_rules(known.records.get(account), report, RULES, MONDAY)
        entries = [
            make_entry(step.notification_id, 1) for step in evaluation.changes if step.notification_id is not None
        ]
        return Changes(next_offset, {account: evaluation.record}, {account: encode_report(report)}, entries)

    return decide


@contextmanager
def lost_answer(monkeypatch: pytest.MonkeyPatch, written: bool) -> Iterator[None]:
    """The connection breaks around EXEC: after it was carried out, or before."""
    original = redis.client.Pipeline.execute

    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        if written:
            original(self, *args, **kwargs)
        raise redis.ConnectionError("the connection broke")

    with monkeypatch.context() as patch:
        patch.setattr(redis.client.Pipeline, "execute", execute)
        yield


def test_what_was_written_is_there_after_a_restart(store: StateStore) -> None:
    """Records, offset and report come back as they were."""
    assert store.load(3) == (None, None, [])
    changes = store.apply(3, None, ["acme"], batch())
    next_offset, _, records = store.load(3)
    assert next_offset == 10
    assert records == [changes.records["acme"]]
    report = store.report("acme", partitions=12)
    assert report == make_report("acme", 40)
    assert store.report("globex", partitions=12) is None


def test_decide_sees_what_was_remembered(store: StateStore, outbox: Outbox) -> None:
    """So the second bad report of an episode opens nothing."""
    store.apply(0, None, ["acme"], batch(score=40, next_offset=10))
    changes = store.apply(0, 10, ["acme"], batch(score=39, next_offset=11))
    assert changes.entries == []
    assert outbox.backlog("slack", 0).depth == 1


@pytest.mark.parametrize("written", [True, False], ids=["after it was written", "before it was written"])
def test_a_lost_answer_is_cleared_up_by_reading(
    store: StateStore, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """Repeating blindly would tell twice, giving up would tell never; the stored offset knows which it was."""
    with lost_answer(monkeypatch, written), pytest.raises(redis.ConnectionError):
        store.apply(0, None, ["acme"], batch())
    if written:
        with pytest.raises(StateMovedError):
            store.apply(0, None, ["acme"], batch())
        assert store.load(0)[0] == 10
    else:
        store.apply(0, None, ["acme"], batch())
    assert outbox.backlog("slack", 0).depth == 1


def test_another_process_on_the_same_partition_is_noticed(store: StateStore) -> None:
    """A consumer that lost the partition without knowing can't write over its successor's work."""
    store.apply(0, None, ["acme"], batch(next_offset=10))
    with pytest.raises(StateMovedError, match="expected next offset 5, found 10"):
        store.apply(0, 5, ["acme"], batch(next_offset=6))


def test_a_write_between_reading_and_writing_is_noticed(store: StateStore, client: redis.Redis, prefix: str) -> None:
    """WATCH sees what slips in between; the batch is then refused, not merged."""

    def decide(known: LoadedState) -> Changes:
        client.set(f"{prefix}next_offset:0", 77)
        return batch(next_offset=1)(known)

    with pytest.raises(StateMovedError, match="found 77"):
        store.apply(0, None, ["acme"], decide)
    assert store.load(0) == (77, None, [])


def test_a_lost_redis_is_noticed(store: StateStore, client: redis.Redis, prefix: str) -> None:
    """An empty store is not taken for a quiet one."""
    store.apply(0, None, ["acme"], batch(next_offset=10))
    client.delete(f"{prefix}next_offset:0")
    with pytest.raises(StateMovedError, match="expected next offset 10, found None"):
        store.apply(0, 10, ["acme"], batch(next_offset=11))


def test_partitions_do_not_disturb_each_other(store: StateStore) -> None:
    """Each has its own keys, so two processes never contend."""
    store.apply(0, None, ["acme"], batch("acme", next_offset=10))
    store.apply(1, None, ["globex"], batch("globex", next_offset=3))
    assert store.load(0)[0] == 10
    assert [record.account_id for record in store.load(1)[2]] == ["globex"]


def test_a_forgotten_account_leaves_nothing(store: StateStore, client: redis.Redis, prefix: str) -> None:
    """Neither record nor report."""
    store.apply(0, None, ["acme"], batch(next_offset=10))
    store.apply(0, 10, ["acme"], lambda known: Changes(11, {"acme": None}, {"acme": None}))
    assert store.load(0) == (11, None, [])
    assert store.report("acme", partitions=1) is None
    assert not client.exists(f"{prefix}accounts:0", f"{prefix}reports:0")


def test_account_ids_are_in_no_key_and_no_field(store: StateStore, client: redis.Redis, prefix: str) -> None:
    """What customers choose as ids may hold anything; names in the store are ours."""
    store.apply(0, None, ["evil\r\nid"], batch("evil\r\nid"))
    for key in client.scan_iter(f"{prefix}*"):
        assert b"evil" not in key
        if client.type(key) == b"hash":
            assert not any(b"evil" in name for name in client.hkeys(key))


def test_a_stored_report_whose_words_cannot_be_read_is_as_none(store: StateStore) -> None:
    """It was evaluated by its view; whoever asks for all of it is not stopped by it."""
    broken = encode_report(make_report("odd")).replace(b'"contributions":[', b'"contributions":7,"other":[')
    changes = Changes(10, {}, {"odd": broken, "acme": encode_report(make_report("acme"))})
    store.apply(3, None, (), lambda known: changes)

    def decide(known: LoadedState) -> Changes:
        assert list(known.reports) == ["acme"]
        return Changes(11)

    store.apply(3, 10, ["odd", "acme"], decide, with_reports=True)
    assert [report.account_id for report in store.latest_reports(3, ["odd", "acme"])] == ["acme"]
    assert store.report("odd", 4) is None
