"""The table of rules in docs/alerting.md, written from what the rules declare: `make rules`.

It stands between `<!-- rules -->` and `<!-- end of rules -->`.
"""

import re
import sys
from pathlib import Path

from alerts.rules import RULES, Rule

_TABLE = re.compile(r"(<!-- rules -->\n).*?(<!-- end of rules -->)", re.DOTALL)
_TONES = {"risk": "risk", "task": "to do", "opportunity": "good news"}


def filled(page: str) -> str:
    """The page with its table as the rules are declared."""
    head = "| rule | finds | kind | told by | opens a red flag |\n|---|---|---|---|---|\n"
    return _TABLE.sub(lambda match: f"{match[1]}\n{head}{''.join(map(_row, RULES))}\n{match[2]}", page)


def _row(rule: type[Rule]) -> str:
    """One rule as it is shipped."""
    shipped = rule()
    told = shipped.channel if shipped.critical_channel is None else f"{shipped.channel}; critical: a page"
    opens = "yes" if shipped.opens or shipped.channel == "page" else "critical" if shipped.critical_channel else "no"
    return f"| `{rule.name}` | {rule.about} | {_TONES[rule.tone]} | {told} | {opens} |\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(filled(path.read_text("utf-8")), "utf-8")
