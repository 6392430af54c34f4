"""One account, many ids, in files: every event under the account's own id, whichever line says whose an alias is.

A worker finds links by partitions; what reads files whole knows all links before it folds the first event.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from heartline.jsonl import read_lines
from stream.contracts.errors import BadEvent
from stream.contracts.events import InputEvent
from stream.kinds.account import AccountEvent
from stream.kinds.decode import Decoder

HOPS_MAX: Final = 8  # as the worker's


class Links:
    """Which ids are aliases of which accounts, as account updates say.

    >>> links = Links()
    >>> links.learn(AccountEvent(account_id="acme", aliases=["zendesk:7", "acme"]))
    >>> links.account_of("zendesk:7"), links.account_of("acme"), links.account_of("globex")
    ('acme', 'acme', 'globex')
    """

    def __init__(self) -> None:
        self._accounts: dict[str, str] = {}

    def learn(self, event: InputEvent) -> None:
        """Take the aliases of an account update; of two that name one alias the later one holds."""
        if isinstance(event, AccountEvent):
            for alias in event.aliases or ():
                if alias != event.account_id:
                    self._accounts[alias] = event.account_id

    def account_of(self, account_id: str) -> str:
        """The account of an id; the id itself where nobody says otherwise, or where aliases lead in a circle."""
        found = account_id
        for _ in range(HOPS_MAX):
            if found not in self._accounts:
                return found
            found = self._accounts[found]
        return account_id

    def resolve(self, events: Iterable[InputEvent]) -> None:
        """Put the account's own id into every event."""
        if self._accounts:
            for event in events:
                event.account_id = self.account_of(event.account_id)


def links_in(files: Sequence[Path], decoder: Decoder) -> Links:
    """The links of all files.

    Args:
        files: JSON lines with a field `type`.
        decoder: of account updates.
    """
    links = Links()
    for path in files:
        for _, line in read_lines(path):
            if b'"aliases"' in line and b'"account"' in line:
                try:
                    links.learn(decoder.decode(line))
                except BadEvent:
                    continue  # whoever reads the file's events says so
    return links
