"""The ids of one partition whose events wait until somebody says whose they are, as they are counted and reported."""

from stream.contracts.aliases import WaitingAlias
from stream.kinds.alias import AliasState


class WaitingAliases:
    """The aliases of one partition whose events wait, as they are reported."""

    def __init__(self) -> None:
        self._entries: dict[str, WaitingAlias] = {}
        self._unreported: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def events(self) -> int:
        """How many events wait."""
        return sum(entry.events for entry in [*self._entries.values()])

    def note(self, name: str, alias: AliasState, *, is_news: bool = True) -> None:
        """Events of an alias wait, since this process began or before it."""
        if alias.waiting:
            self._entries[name] = WaitingAlias(alias=name, events=len(alias.waiting), since_ms=alias.waiting[0][3])
            if is_news:
                self._unreported.add(name)

    def leave(self, name: str) -> None:
        """Nothing of it waits any more."""
        self._entries.pop(name, None)
        self._unreported.add(name)

    def take_unreported(self) -> dict[str, WaitingAlias | None]:
        """By alias what changed since the last call, None for one that left."""
        unreported, self._unreported = self._unreported, set()
        return {name: self._entries.get(name) for name in unreported}
