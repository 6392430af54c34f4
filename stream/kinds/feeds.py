"""Real feeds' own names and values to the contract's: a configurable mapping, applied before validation.

`fields` says where the contract's field lies in the feed's JSON (`detail.organization_id` goes deeper by dots);
`values` translates a field's words ({"priority": {"P1": "urgent"}}). Fields that are not mapped stay as they are.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class FeedSettings(BaseModel):
    """How one kind of event is named by the feed that sends it; empty: the contract's own names."""

    model_config = ConfigDict(extra="forbid")

    fields: dict[str, str] = Field({}, description="contract field to the path in the feed's JSON, dots go deeper")
    values: dict[str, dict[str, str]] = Field({}, description="contract field to {feed's value: contract's value}")


class FieldMapping:
    """The mapping of one kind of event.

    Args:
        settings: its part of the configuration.
    """

    def __init__(self, settings: FeedSettings) -> None:
        self._paths = {name: path.split(".") for name, path in settings.fields.items()}
        self._values = settings.values

    def apply(self, data: dict[str, Any]) -> dict[str, Any]:
        """The feed's object as the contract names it; a path that leads nowhere leaves the field out."""
        mapped = dict(data)
        for name, path in self._paths.items():
            mapped.pop(name, None)
            found, value = _follow(data, path)
            if found:
                mapped[name] = value
        for name, table in self._values.items():
            value = mapped.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool):
                mapped[name] = table.get(str(value), value)
        return mapped


def _follow(data: Any, path: list[str]) -> tuple[bool, Any]:
    """Whether the path exists in nested objects, and the value there."""
    for step in path:
        if not isinstance(data, dict) or step not in data:
            return False, None
        data = data[step]
    return True, data
