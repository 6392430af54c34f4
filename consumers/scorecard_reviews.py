"""Reviews of scorecards as the topic tells them: by account its steps, and which accounts wait for somebody."""

import threading
from collections.abc import Iterable

from stream.contracts.errors import BadEvent
from stream.contracts.scorecard_review import ScorecardReview, decode_review

STEPS_OF_ONE_MAX = 100


class ReviewLog:
    """Every account's steps, oldest first; of very many the oldest are dropped. One thread writes, others read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: dict[str, dict[bytes, ScorecardReview]] = {}

    def take(self, key: bytes, value: bytes | None) -> str | None:
        """A record of the topic; returns the account that it moved, None when it says nothing.

        Raises:
            BadEvent: the value is no step.
        """
        if value is None:
            account_id = account_of_key(key)
            with self._lock:
                steps = self._steps.get(account_id, {})
                steps.pop(key, None)
                if not steps:
                    self._steps.pop(account_id, None)
            return account_id
        step = decode_review(value)
        with self._lock:
            steps = self._steps.setdefault(step.account_id, {})
            steps[key] = step
            if len(steps) > STEPS_OF_ONE_MAX:
                del steps[min(steps, key=lambda each: (steps[each].at, each))]
        return step.account_id

    def of_account(self, account_id: str) -> list[ScorecardReview]:
        """The steps of one account, the newest first."""
        with self._lock:
            steps = list(self._steps.get(account_id, {}).values())
        return sorted(steps, key=lambda step: (step.at, step.review_id), reverse=True)

    @property
    def waiting(self) -> int:
        """How many accounts wait for a review."""
        return sum(step.step == "requested" for step in self.newest())

    def newest(self) -> list[ScorecardReview]:
        """Of each account its newest step: those that wait first, the longest waiting before all; then the others."""
        with self._lock:
            found = [max(steps.values(), key=lambda step: (step.at, step.review_id)) for steps in self._steps.values()]
        waiting = sorted((step for step in found if step.step == "requested"), key=lambda step: step.at)
        decided = sorted((step for step in found if step.step != "requested"), key=lambda step: step.at, reverse=True)
        return [*waiting, *decided]


def account_of_key(key: bytes) -> str:
    """The account that a key begins with.

    >>> account_of_key(b"a/b/1772442000000/0123456789")
    'a/b'
    """
    return key.decode(errors="replace").rsplit("/", 2)[0]


def review_log(records: Iterable[tuple[bytes, bytes | None]]) -> ReviewLog:
    """All records of the topic, in order; those that nobody can read are left out."""
    log = ReviewLog()
    for key, value in records:
        try:
            log.take(key, value)
        except BadEvent:
            continue
    return log
