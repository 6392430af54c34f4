"""How many examples a property test tries: some in every run, many in a long one (`make test-long`).

The short run tries the same ones each time, so that what it says of a change is due to the change; the long one tries
new ones.
"""

import os
from typing import Any, Final

from hypothesis import HealthCheck, settings

LONG: Final = os.environ.get("TEST_LONG") == "1"
_SHARE: Final = 5.0 if LONG else 0.3
_LEAST: Final = 10

# A busy machine is no failure: examples may take their time.
settings.register_profile(
    "heartline",
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=round(100 * _SHARE),
)
settings.load_profile("heartline")


def examples(count: int, **options: Any) -> settings:
    """Settings of a property test that is to try `count` examples, or the share of them that this run takes.

    Args:
        count: as many as find a planted mistake with near certainty; Hypothesis's default is 100.
        options: what else `hypothesis.settings` takes.
    """
    return settings(max_examples=max(min(count, _LEAST), round(count * _SHARE)), **options)
