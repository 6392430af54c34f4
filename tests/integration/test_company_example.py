"""Four exports of a made-up company, by one script, to a board with names, history and the right worst account."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/company"
SECONDS = 280  # five minutes are promised


def test_four_exports_become_a_board_without_a_line_of_code(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTLINE_", "KAFKA_", "REDIS_"))}
    env |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}",
        "XDG_STATE_HOME": str(tmp_path),
        "COLUMNS": "160",
    }
    ran = subprocess.run(
        ["bash", str(EXAMPLE / "run.sh"), "--once"],
        env=env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "refused" in ran.stdout
    rows = [line for line in ran.stdout.splitlines() if any(name in line for name in ("Larch Logistics", "Oak Office"))]
    assert "Larch Logistics" in rows[0], "the account that is about to leave is the worst, under its own name"
    assert len([line for line in ran.stdout.splitlines() if "healthy" in line]) >= 20
