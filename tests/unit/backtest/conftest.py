"""scikit-learn, by which the own statistics are held; imported by the one process that needs it, as its tests run."""

from typing import Any

import pytest


@pytest.fixture(scope="session")
def sklearn_metrics() -> Any:
    """Its module of measures."""
    import sklearn.metrics

    return sklearn.metrics
