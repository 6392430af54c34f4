"""A real Redis-protocol server for tests of one part of a process: the same one that the integration tests use."""

import uuid
from collections.abc import Iterator

import pytest
import redis
from pydantic import SecretStr

from consumers.redis_client import RedisSettings, connect
from tests.servers import redis_for_tests


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a running server."""
    with redis_for_tests() as url:
        yield url


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A client as the process makes it."""
    client = connect(RedisSettings(url=SecretStr(redis_url)))
    yield client
    client.close()


@pytest.fixture
def prefix() -> str:
    """Put before every key, so that tests don't meet."""
    return f"t{uuid.uuid4().hex[:8]}:"
