"""Which pages the site's search shows first: those for people who use Heartline, before those about its inside."""

from typing import Any, Final

_ALERTS: Final = ("alerting", "alerting-configuration", "rules", "receivers")
FIRST: Final = ("quickstart", "connect", "health", "scorecards", *_ALERTS, "board", "operations")
LAST: Final = ("engine", "benchmarks", "benchmarks-parts", "architecture", "comparison", "prometheus", "decisions")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Weigh a page; MkDocs calls this for each."""
    name = page.file.src_uri.partition("/")[0].removesuffix(".md")
    boost = 3.0 if name in FIRST else 0.3 if name in LAST else 1.0
    page.meta.setdefault("search", {"boost": boost})
    return markdown
