"""The tables of docs/metrics.md, written from what the measures declare: `make measures`.

A table stands between `<!-- measures: reach, trend -->`, which names modules of `stream.measures`, and
`<!-- end of measures -->`.
"""

import re
import sys
from pathlib import Path

from stream.measures.registry import GROUPS, Measure

_TABLE = re.compile(r"(<!-- measures: ([\w, ]+) -->\n).*?(<!-- end of measures -->)", re.DOTALL)


def filled(page: str) -> str:
    """The page with its tables as they are declared.

    Raises:
        ValueError: a module is named that declares no measure, or named twice, or not at all.
    """
    by_module: dict[str, list[Measure]] = {}
    for group in GROUPS:
        by_module.setdefault(group.formula.__module__.rpartition(".")[2], []).extend(group.declared)
    named = [name.strip() for _, names, _ in _TABLE.findall(page) for name in names.split(",")]
    odd = sorted({name for name in (*named, *by_module) if named.count(name) != 1 or name not in by_module})
    if odd:
        raise ValueError(f"{', '.join(odd)}: expected each module with measures in one table, and no other")

    def table(match: re.Match[str]) -> str:
        rows = [_row(each) for name in match[2].split(",") for each in by_module[name.strip()]]
        head = "| id | formula | unit | None when | source |\n|---|---|---|---|---|\n"
        return f"{match[1]}\n{head}" + "".join(rows) + f"\n{match[3]}"

    return _TABLE.sub(table, page)


def _row(measure: Measure) -> str:
    cells = (f"`{measure.id}`", measure.formula, measure.scale, measure.none_when, measure.reference)
    return f"| {' | '.join(cells)} |\n".replace("|  |", "| |")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(filled(path.read_text("utf-8")), "utf-8")
