"""The trace that a request belongs to, as its sender says it in the header `traceparent`.

Who asks within a trace finds it again from the histogram of answers: its id is the exemplar. Nothing is traced for it,
and without the header nothing is done. Source: https://www.w3.org/TR/trace-context/#traceparent-header
"""

import re
from collections.abc import Mapping
from typing import Final

HEADER: Final = "traceparent"
_FORM: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NOBODY: Final = "0" * 32


def exemplar_of(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The labels of an exemplar; None: the request says no trace, or none that is well-formed."""
    value = headers.get(HEADER)
    found = None if value is None else _FORM.match(value)
    return None if found is None or found[1] == _NOBODY else {"trace_id": found[1]}
