"""Every contract as a JSON Schema, by the name of its file under docs/schemas."""

from typing import Any

import msgspec

from stream.dead_letters import DeadLetter
from stream.events import CONTRACTS
from stream.report import report_schema


def schemas() -> dict[str, dict[str, Any]]:
    """What may come in (by kind), and what goes out: the health report and the dead letter."""
    inputs: dict[str, dict[str, Any]] = {kind: model.model_json_schema() for kind, model in CONTRACTS.items()}
    return inputs | {"health-report": report_schema(), "dead-letter": msgspec.json.schema(DeadLetter)}
