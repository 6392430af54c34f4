"""Which account each user was last grouped into, by Segment's `group` calls: for calls that name the user alone.

What is known lies in a compacted topic, so that it outlives the process and is shared by all that run.
"""

from collections.abc import Iterable
from typing import Final

MEMBERSHIPS_MAX: Final = 500_000  # some 100 bytes each


class Memberships:
    """User to account, the newest `limit` of them.

    Args:
        limit: how many are kept; the one that was told longest ago goes first.
    """

    def __init__(self, limit: int = MEMBERSHIPS_MAX) -> None:
        self._limit = limit
        self._accounts: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def account_of(self, user_id: str) -> str | None:
        """The account of a user; None: nobody told."""
        return self._accounts.get(user_id)

    def learn(self, memberships: Iterable[tuple[str, str | None]]) -> None:
        """Take what was told, the newest last; an account of None forgets the user."""
        for user_id, account_id in memberships:
            self._accounts.pop(user_id, None)
            if account_id is not None:
                self._accounts[user_id] = account_id
                if len(self._accounts) > self._limit:
                    del self._accounts[next(iter(self._accounts))]
