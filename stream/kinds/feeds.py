"""Real feeds' own topics, names and values to the contract's: a configurable mapping, applied before validation.

`fields` says where the contract's field lies in the feed's JSON; `values` translates a field's words; `constants` are
what the feed does not say; `where` picks the records that are of this kind. What is not mapped stays as it is.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stream.calendar.names import ZoneName

# A step of a path: a name, "a name with dots or blanks" in quotes, or the [number] of a list's element.
_STEP: Final = re.compile(r'(?:^(?!\.)|(?<!^)\.)(?:"([^"]+)"|([^."\[\]]+))|\[(\d+)\]')
_PER_UNIT_MS: Final = {"seconds": 1000.0, "microseconds": 0.001, "nanoseconds": 0.000001}

Step = str | int


def steps_of(path: str) -> list[Step]:
    """The steps of a path.

    >>> steps_of('detail."organization.id"'), steps_of("answers[0].number")
    (['detail', 'organization.id'], ['answers', 0, 'number'])

    Raises:
        ValueError: it is no path.
    """
    steps: list[Step] = []
    end = 0
    for found in _STEP.finditer(path):
        if found.start() != end:
            break
        quoted, plain, number = found.groups()
        steps.append(int(number) if number is not None else quoted or plain)
        end = found.end()
    if end != len(path) or not steps:
        raise ValueError(f'{path!r}: expected a path such as detail.id, answers[0].number or "a.b".c')
    return steps


def _checked_path(path: str) -> str:
    steps_of(path)
    return path


Path = Annotated[str, AfterValidator(_checked_path)]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]


class FeedSettings(BaseModel):
    """How one kind of event is named by the feed that sends it; empty: the contract's own names."""

    model_config = ConfigDict(extra="forbid")

    topics: list[TopicName] = Field(
        [],
        description="topics of your own that carry it, by their whole names; the mapping is for them, and the topic "
        "that Heartline has for the kind keeps the contract's names. Without any the mapping is for that one",
    )
    fields: dict[str, Path | list[Path]] = Field(
        {},
        description="contract field to the path in the feed's JSON: dots go deeper, [0] into a list, a name with dots "
        "stands in quotes; of several paths the first that leads to a value counts",
    )
    values: dict[str, dict[str, str]] = Field({}, description="contract field to {feed's value: contract's value}")
    constants: dict[str, str | int | float | bool] = Field(
        {}, description="contract field to the value that it has in every record, unless the record has one"
    )
    where: dict[Path, list[str | int | bool]] = Field(
        {}, description="path to the values of which a record must have one; others are passed over"
    )
    cloudevents_headers: bool = Field(
        False, description="records may be CloudEvents of the binary mode, whose attributes are headers"
    )
    unit: Literal["milliseconds", "seconds", "microseconds", "nanoseconds"] = Field(
        "milliseconds", description="of moments that are numbers"
    )
    timezone: ZoneName | None = Field(None, description="of moments that say no zone; null: they are refused")


def mapping_for(feed: FeedSettings | None, topic: str) -> "FieldMapping | None":
    """How the records of a topic are mapped; None: they speak the contract's language."""
    if feed is None or (feed.topics and topic not in feed.topics):
        return None
    return FieldMapping(feed)


class FieldMapping:
    """The mapping of one kind of event.

    Args:
        settings: its part of the configuration.
    """

    def __init__(self, settings: FeedSettings) -> None:
        self._paths = {
            name: [steps_of(path) for path in ([paths] if isinstance(paths, str) else paths)]
            for name, paths in settings.fields.items()
        }
        self._values = settings.values
        self._constants = settings.constants
        self._where = [(steps_of(path), {str(value) for value in values}) for path, values in settings.where.items()]
        self._factor = _PER_UNIT_MS.get(settings.unit)
        self._zone = ZoneInfo(settings.timezone) if settings.timezone is not None else None

    def takes(self, data: dict[str, Any]) -> bool:
        """Whether a record of the feed is of this kind."""
        return all(str(_follow(data, path)[1]) in values for path, values in self._where)

    def apply(self, data: dict[str, Any]) -> dict[str, Any]:
        """The feed's object as the contract names it; a path that leads nowhere leaves the field out."""
        mapped = dict(data)
        for name, paths in self._paths.items():
            mapped.pop(name, None)
            there = [value for found, value in (_follow(data, path) for path in paths) if found]
            if there:
                mapped[name] = next((value for value in there if value not in (None, "")), there[0])
        for name, constant in self._constants.items():
            if mapped.get(name) in (None, ""):
                mapped[name] = constant
        for name, table in self._values.items():
            value = mapped.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool):
                mapped[name] = table.get(str(value), value)
        if self._factor is not None or self._zone is not None:
            for name, value in mapped.items():
                if name == "timestamp" or name.endswith("_at"):
                    mapped[name] = self._moment(value)
        return mapped

    def _moment(self, value: Any) -> Any:
        """A moment in the contract's form; what is none is left for the contract to refuse."""
        if self._factor is not None and isinstance(value, int | float) and not isinstance(value, bool):
            return round(value * self._factor)
        if self._zone is None or not isinstance(value, str):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return value if moment.tzinfo is not None else moment.replace(tzinfo=self._zone).isoformat()


def _follow(data: Any, path: list[Step]) -> tuple[bool, Any]:
    """Whether the path exists in nested objects and lists, and the value there."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(data, list) or step >= len(data):
                return False, None
        elif not isinstance(data, dict) or step not in data:
            return False, None
        data = data[step]
    return True, data
