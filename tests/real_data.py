"""Where the real events are: HEARTLINE_REAL_DATA, or beside the project, or else the committed sample."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "data"
SETS = ("git-usage", "tickets", "ratings")


def real_data() -> Path | None:
    """The folder with the whole data sets; None: only the sample is at hand."""
    named = os.environ.get("HEARTLINE_REAL_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    return folder if all((folder / name / "events.jsonl.gz").exists() for name in SETS) else None


def event_files() -> list[Path]:
    """The whole of usage, tickets and survey answers, or the sample."""
    folder = real_data()
    if folder is not None:
        return [folder / name / "events.jsonl.gz" for name in SETS]
    return sorted(SAMPLE.glob("*.jsonl.gz"))
