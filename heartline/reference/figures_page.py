"""docs/figures.md, written from the definitions of the portfolio's figures: `make figures`."""

import sys
from pathlib import Path
from typing import Final

from consumers.portfolio.facts import GROUPS, UNVALUED_MEANING
from consumers.portfolio.figures import Figure
from consumers.portfolio.lifetime import ALL_IDS, LIFETIME, shape_of

_HEAD: Final = """# Every figure of the portfolio

<!-- Written by `make figures` from the code: change the definitions there. -->

A figure is a sum over accounts, a ratio of two sums, or a median. Numerator and denominator are made of the facts of an
account in a period, which are below. A rate over nobody is not known. Intervals are 95 %: Wilson's of a share, the
large-sample one of a ratio of two sums. [portfolio.md](portfolio.md) says how to ask, and decides the cases in which
tools differ; [seeds.md](seeds.md) says which document asks for what.

"""

_UNITS: Final = {
    "money": "money",
    "ratio": "share",
    "count": "count",
    "per_account": "number",
    "days": "days",
    "score": "points",
}


def page() -> str:
    """The whole page."""
    rows = "\n".join(_row(shape_of(id_)) for id_ in ALL_IDS)
    told = [("is_unvalued", UNVALUED_MEANING), *(each for group in GROUPS for each in group.columns.items())]
    facts = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in told)
    head = "| figure | meaning | numerator | denominator | unit | interval |\n|---|---|---|---|---|---|"
    return (
        f"{_HEAD}{head}\n{rows}\n\n## The facts of an account in a period\n\n| fact | meaning |\n|---|---|\n{facts}\n"
    )


def _row(figure: Figure) -> str:
    made = next((each for each in LIFETIME if each.shape.id == figure.id), None)
    if made is not None:
        numerator = "made of " + ", ".join(f"`{name}`" for name in made.inputs)
    elif figure.cost is not None:
        numerator = f"costs of kind {figure.cost}"
    elif figure.is_median:
        numerator = f"median of `{figure.numerator}`"
    else:
        numerator = f"`{figure.numerator}`"
    denominator = "" if figure.denominator is None else f"`{figure.denominator}`"
    interval = "" if figure.interval == "none" else figure.interval
    cells = (f"`{figure.id}`", figure.meaning, numerator, denominator, _UNITS[figure.unit], interval)
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
