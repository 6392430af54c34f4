"""What a release leaves behind that the next ones must read: states in the changelog, a state store on disk, Redis.

    python -m tests.release_fixture 0.2.0

Run it when a release is tagged, and commit what it writes to tests/data/releases: `tests/unit/worker/test_releases.py`
and `tests/functional/test_releases.py` read all that is there. Whoever changes the encoding of a state raises its
version, writes the migration (`stream/kinds/state.py`), and leaves these files as they are.
"""

import base64
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from consumers.redis_client import RedisSettings, connect
from stream.engine.state_store import StateStore
from stream.engine.store_index import VERSION, StoreIdentity, StorePosition
from stream.kinds.state import AccountState, decode_state, encode_state, newest_by_kind, watermark_ms
from tests.release_redis import AlertingMemory, dump, write_redis
from tests.servers import redis_for_tests
from tests.streams import fold, make_stream

RELEASES: Final = Path(__file__).parent / "data" / "releases"
IDENTITY: Final = StoreIdentity(VERSION, "heartline-state-changelog", "id", 3, 12)
NOW_MS: Final = 1_800_000_000_000


def facts(state: AccountState) -> dict[str, Any]:
    """What any release must still know of a state: it can be derived from the events alone."""
    return {
        "newest_ms": newest_by_kind(state),
        "watermark_ms": watermark_ms(state),
        "profile": sorted(state.profile),
        "users": sorted(state.usage.users),
        "needs_evaluation": state.needs_evaluation,
    }


def read(folder: Path) -> dict[str, tuple[AccountState, dict[str, Any]]]:
    """By account its state as this release reads it, and the facts as they were when it was written."""
    kept = json.loads((folder / "states.json").read_text())
    return {name: (decode_state(base64.b64decode(each["state"])), each["facts"]) for name, each in kept.items()}


def write(folder: Path) -> None:
    """Two accounts of two months of all kinds of events, evaluated."""
    processor, partition = fold(make_stream(seed=7, size=400, span_days=60))
    for _ in processor.evaluate(partition):
        pass
    states = {name: encode_state(state) for name, state in partition.states.items()}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kept = {
        name: {"state": base64.b64encode(value).decode(), "facts": facts(decode_state(value))}
        for name, value in states.items()
    }
    (folder / "states.json").write_text(json.dumps(kept, indent=1) + "\n")
    store = StateStore(folder / "store", IDENTITY)
    first, *rest = states.items()
    store.save(StorePosition(1, NOW_MS, 1), dict([first]), [])
    store.compact(store.rotate())
    store.save(StorePosition(1 + len(rest), NOW_MS, 2), dict(rest), [])
    store.close()
    (folder / "store" / "lock").unlink()


def main(release: str) -> None:
    """Write all of it."""
    folder = RELEASES / release
    write(folder)
    with redis_for_tests() as url:
        memory = AlertingMemory(connect(RedisSettings(url=SecretStr(url))), f"release-{release}:")
        write_redis(memory)
        dump(memory, folder / "redis.json")


if __name__ == "__main__":
    main(sys.argv[1])
