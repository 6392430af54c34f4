"""States that are larger than memory, in processes that may not have more memory than a part of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deadlines import HANG_SECONDS

ROOT = Path(__file__).parents[2]
ACCOUNTS, STATE_BYTES = 25_000, 20_000
LIMIT_MB = 420


@pytest.mark.parametrize("store", ["disk", "memory"])
def test_states_of_500_mb_fit_into_a_process_of_420_when_they_are_on_the_disk(store: str, tmp_path: Path) -> None:
    sizes = ["--accounts", str(ACCOUNTS), "--state-bytes", str(STATE_BYTES), "--hot", "100"]
    limits = ["--address-space-mb", str(LIMIT_MB), "--store", store]
    done = subprocess.run(
        [sys.executable, "-m", "bench.cold", *sizes, *limits],
        cwd=ROOT,
        # One arena: each thread would reserve address space of its own, on a machine with many cores for many.
        env=os.environ | {"TMPDIR": str(tmp_path), "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    if store == "disk":
        assert done.returncode == 0, done.stderr
        assert "compaction:" in done.stdout, "it was recovered, started from, looked at and compacted"
    else:
        assert done.returncode != 0, "the limit is one that they do not fit into"
        assert "MemoryError" in done.stderr
