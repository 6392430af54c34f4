"""Every contract of the installation as a JSON Schema, by the name of its file under docs/schemas."""

import inspect
from typing import Any

from alerts.alert_events import alert_event_schema
from alerts.commands import command_schema
from stream.contracts.schemas import schemas


def all_schemas() -> dict[str, dict[str, Any]]:
    """What the worker reads and writes, and what alerting does."""
    alerting = {"alert-command": command_schema(), "alert-step": alert_event_schema()}
    for schema in alerting.values():
        for definition in schema["$defs"].values():
            # Python 3.13 takes the indentation out of docstrings, older ones leave it in.
            if "description" in definition:
                definition["description"] = inspect.cleandoc(definition["description"])
    return schemas() | alerting
