"""The names of people who do not exist: those who look after the accounts, and those who work at them."""

from random import Random
from typing import Final

OWNERS: Final = ("Alex", "Bea", "Chris", "Dana")  # a customer-success team of four

# Common first names, and an initial that keeps two of a name apart.
_FIRST: Final = (
    "Ada", "Amir", "Ana", "Ben", "Carla", "Chen", "Dario", "Elif", "Emma", "Femi", "Greta", "Hana",
    "Hugo", "Ines", "Ivan", "Jonas", "Kofi", "Lea", "Lucas", "Maya", "Mina", "Nils", "Nora", "Omar",
    "Paula", "Rosa", "Ruth", "Sami", "Sara", "Tariq", "Tom", "Vera", "Yuki", "Zoe",
)  # fmt: skip
_INITIALS: Final = "BCDFGHKLMNPRSTW"
_ROLES: Final = ("champion", "admin", None, "sponsor")  # of the most active, in their order


def names_of_people(account_id: str, count: int) -> tuple[str, ...]:
    """So many different names, the same for the same account."""
    everybody = [f"{first} {initial}." for initial in _INITIALS for first in _FIRST]
    return tuple(Random(f"{account_id}/people").sample(everybody, count))  # noqa: S311 (made-up data)


def role_of(rank: int) -> str | None:
    """What somebody is to us, by how active they are, 0 the most; None: a user like others."""
    return _ROLES[rank] if rank < len(_ROLES) else None
