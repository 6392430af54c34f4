"""What every test run says first."""

from hypothesis import HealthCheck, settings

from tests import servers

# A busy machine is no failure: examples may take their time.
settings.register_profile("heartline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("heartline")


def pytest_report_header() -> str:
    """Name the servers that the integration tests of this run use."""
    return servers.header()
