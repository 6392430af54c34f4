"""What was logged, as the fields of each line."""

from typing import Any

import pytest


def logged(caplog: pytest.LogCaptureFixture, **fields: Any) -> list[dict[str, Any]]:
    """The lines that have these fields, oldest first."""
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return [line for line in lines if fields.items() <= line.items()]
