"""Every contract of the installation as a JSON Schema, by the name of its file under docs/schemas."""

import inspect
from typing import Any

import msgspec

from alerts.alert_events import alert_event_schema
from alerts.commands import command_schema
from stream.contracts.account_day import account_day_schema
from stream.contracts.dead_letters import DeadLetter
from stream.contracts.report import report_schema
from stream.contracts.scorecard_review import review_schema
from stream.kinds.registry import KINDS


def all_schemas() -> dict[str, dict[str, Any]]:
    """What may come in (by kind), what the worker writes, and what alerting reads and writes."""
    inputs: dict[str, dict[str, Any]] = {name: kind.contract.model_json_schema() for name, kind in KINDS.items()}
    others = {
        "health-report": report_schema(),
        "account-day": account_day_schema(),
        "dead-letter": msgspec.json.schema(DeadLetter),
        "alert-command": command_schema(),
        "alert-step": alert_event_schema(),
        "scorecard-review": review_schema(),
    }
    for schema in others.values():
        for definition in schema["$defs"].values():
            # Python 3.13 takes the indentation out of docstrings, older ones leave it in.
            if "description" in definition:
                definition["description"] = inspect.cleandoc(definition["description"])
    return inputs | others
