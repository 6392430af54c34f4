"""Every contract as a JSON Schema, by the name of its file under docs/schemas."""

import inspect
from typing import Any

import msgspec

from stream.contracts.dead_letters import DeadLetter
from stream.contracts.events import CONTRACTS
from stream.contracts.report import report_schema


def schemas() -> dict[str, dict[str, Any]]:
    """What may come in (by kind), and what goes out: the health report and the dead letter."""
    inputs: dict[str, dict[str, Any]] = {kind: model.model_json_schema() for kind, model in CONTRACTS.items()}
    outputs = {"health-report": report_schema(), "dead-letter": msgspec.json.schema(DeadLetter)}
    for schema in outputs.values():
        for definition in schema["$defs"].values():
            # Python 3.13 takes the indentation out of docstrings, older ones leave it in.
            definition["description"] = inspect.cleandoc(definition["description"])
    return inputs | outputs
