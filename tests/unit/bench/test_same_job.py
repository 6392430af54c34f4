"""The Java peers' fold is compared with ours account by account, and a difference is an error."""

import pytest

import bench.same_job as same_job
from bench.same_job import KINDS, SHAPE, held, verify_same
from heartline.bench.worker_process import BenchError
from heartline.bench.workload import Workload
from stream.kinds.decode import Decoder
from stream.kinds.folding import fold_event
from stream.kinds.state import AccountState

NOW_MS = 1_780_000_000_000


def right_counts() -> dict[str, list[int]]:
    """What a Java fold that is the same would print: the counts, and 10 bytes for each state."""
    read = {kind: Decoder(kind).decode for kind in KINDS}
    states: dict[str, AccountState] = {}
    for record in Workload(SHAPE, NOW_MS).history():
        event = read[record.kind](record.value)
        fold_event(states.setdefault(event.account_id, AccountState()), event)
    return {name: [*held(state), 10] for name, state in states.items()}


def test_the_same_fold_passes_and_tells_the_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = right_counts()
    monkeypatch.setattr(same_job, "_java", lambda lines: counts)
    sizes = verify_same(NOW_MS)
    assert sizes.java == 10
    assert sizes.python > 1_000


def test_another_count_or_a_missing_account_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = right_counts()
    counts["account-0000003"][5] += 1
    monkeypatch.setattr(same_job, "_java", lambda lines: counts)
    with pytest.raises(BenchError, match="differs in 1 of 100 accounts; account-0000003 holds"):
        verify_same(NOW_MS)
    del counts["account-0000003"]
    with pytest.raises(BenchError, match="differs in 1 of 100"):
        verify_same(NOW_MS)
