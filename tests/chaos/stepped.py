"""One of the product's processes whose wall clock a test steps: `python stepped.py OFFSET_FILE worker`.

The file holds nanoseconds, eight bytes, which are added to the clock from the moment they are written. It needs nothing
of this checkout, so that it runs the processes of an earlier release, too.
"""

import mmap
import sys
import time
from pathlib import Path

OFFSET_BYTES = 8


def write_offset(path: Path, seconds: int) -> None:
    """Step the clock of the process that reads the file, so many seconds away from the true time."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.write((seconds * 10**9).to_bytes(OFFSET_BYTES, "little", signed=True))


def main() -> None:
    """Run `heartline` with what follows the file's name."""
    path, *arguments = sys.argv[1:]
    with Path(path).open("rb") as file:
        offset = mmap.mmap(file.fileno(), OFFSET_BYTES, access=mmap.ACCESS_READ)
    true_ns = time.time_ns
    time.time_ns = lambda: true_ns() + int.from_bytes(offset[:OFFSET_BYTES], "little", signed=True)
    sys.argv = ["heartline", *arguments]
    from heartline.cli import main as heartline

    heartline()


if __name__ == "__main__":
    main()
