"""How weekdays and time zones are named wherever an operator or a feed names them, and how a wrong name is refused."""

from typing import Annotated, Final, Literal, get_args

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from stream.calendar.zones import near_name, zone_names

DayName = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

DAY_NAMES: Final[tuple[DayName, ...]] = get_args(DayName)  # Monday is 0, as everywhere
_SHORT: Final = {name[:3]: name for name in DAY_NAMES}


def _day_name(value: object) -> object:
    """mon for monday, in any case of letters; anything else is left for the model to refuse."""
    if not isinstance(value, str):
        return value
    return _SHORT.get(value.lower(), value.lower() if value.lower() in DAY_NAMES else value)


def _zone_name(value: object) -> object:
    """A name of the tz database; anything but a word is left for the model to refuse."""
    if not isinstance(value, str) or value in zone_names():
        return value
    near = near_name(value)
    hint = (
        f"did you mean {near}?" if near is not None else "expected a name of the tz database, as Europe/Berlin or UTC"
    )
    raise PydanticCustomError("zone_unknown", "there is no such time zone; {hint}", {"hint": hint})


Weekday = Annotated[DayName, BeforeValidator(_day_name)]
ZoneName = Annotated[
    str,
    BeforeValidator(_zone_name),
    Field(max_length=64, description="a name of IANA's tz database; the account's days are calendar days there"),
]
