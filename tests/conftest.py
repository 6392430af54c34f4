"""What every test run says first."""

from tests import servers


def pytest_report_header() -> str:
    """Name the servers that the integration tests of this run use."""
    return servers.header()
