"""What earlier releases left in Redis is read, and says what it said."""

from pathlib import Path

import pytest
import redis

from tests.release_fixture import RELEASES
from tests.release_redis import AlertingMemory, dump, facts, load, write_redis


@pytest.mark.parametrize("release", [*sorted(RELEASES.iterdir()), None], ids=lambda each: each.name if each else "this")
def test_what_it_remembered_of_accounts_and_messages_is_read(
    release: Path | None, client: redis.Redis, prefix: str, tmp_path: Path
) -> None:
    file = tmp_path / "redis.json" if release is None else release / "redis.json"
    if release is None:
        written = AlertingMemory(client, f"{prefix}written:")
        write_redis(written)
        dump(written, file)
    memory = AlertingMemory(client, prefix)
    known = load(memory, file)
    assert facts(memory) == known
    assert known["open"]["beta"] is not None
    assert all(known[part] for part in ("waiting", "dead", "digest", "steps", "still_open", "silences"))
