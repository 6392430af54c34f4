"""The chart of the peers, drawn from what their last run kept: `python -m bench.peers_chart`; `make bench-peers` does.

Processor time an event, and how many times that of Heartline with everything evaluated and published. The scale is
logarithmic, from 1 µs: the slowest takes some sixty times as much, and the others could not be told apart beside it.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pygal
from pygal.style import Style

from bench.run_peers import KEPT, Row

# Its finder, for maps that nobody draws here, is of before Python 3.4: each module that is not found warns of it.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

PICTURE: Final = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "peers.svg"
OURS, PYTHON, JAVA, ALONE = "#1a7f5a", "#5b7fb5", "#b5835b", "#a9b0b7"
JAVA_NAMES: Final = ("Kafka Streams", "Flink")
# What a row's state is like, as few words as tell the rows of one peer apart.
SHORT: Final = (
    ("offsets in a transaction", "exactly once"),
    ("exactly once", "exactly once"),
    ("no keyBy", "exactly once, no keyBy"),
    ("saved to SQLite as bytes", "by hand"),
    ("saved to SQLite", "with recovery"),
    ("lost in a crash", "in memory"),
)


def label(row: Row) -> str:
    """The peer, and what tells its rows apart."""
    if row.name.startswith("Heartline") or row.alone == row.name or row.name.startswith("of it"):
        return row.name
    short = next((words for sign, words in SHORT if sign in row.keeps), "counts again after a crash")
    where = "RocksDB, " if row.keeps.startswith("RocksDB, what") else ""
    return f"{row.name} ({where}{short})"


def colour(row: Row) -> str:
    """Ours, a peer in Python, one in Java, or the job with nothing around it."""
    if row.alone == row.name:
        return ALONE
    if row.name.startswith(("Heartline", "of it")):
        return OURS
    return JAVA if row.name.startswith(JAVA_NAMES) else PYTHON


def draw(rows: Sequence[Row]) -> str:
    """The chart as SVG; the first row is what the others are compared with."""
    style = Style(
        background="#ffffff",
        plot_background="#ffffff",
        font_family="sans-serif",
        label_font_size=13,
        major_label_font_size=13,
        value_font_size=13,
        title_font_size=16,
    )
    chart: Any = pygal.HorizontalBar(
        style=style,
        width=1100,
        height=90 + 34 * len(rows),
        logarithmic=True,
        range=(1, 1_000),
        zero=1,
        y_labels=[1, 10, 100, 1_000],
        show_legend=False,
        print_values=True,
        print_values_position="center",
        show_y_guides=False,
        spacing=6,
        title="µs of processor time an event (times Heartline's), logarithmic",
        js=[],
        no_prefix=True,
        disable_xml_declaration=True,
    )
    whole = rows[0].cpu_us_per_event
    upwards = list(reversed(rows))  # the first bar is the lowest one
    chart.x_labels = [label(row) for row in upwards]
    chart.add(
        "",
        [
            {
                "value": row.cpu_us_per_event,
                "color": colour(row),
                "formatter": lambda us: f"{us:,.1f} ({us / whole:.1f})",
            }
            for row in upwards
        ],
    )
    return str(chart.render(is_unicode=True))


def main() -> None:
    """Draw what is kept."""
    rows = [Row(**row) for row in json.loads(KEPT.read_text("utf-8"))["rows"]]
    PICTURE.write_text(draw(rows) + "\n", "utf-8")


if __name__ == "__main__":
    main()
