"""What a process of ours says of itself on its metrics page."""

import urllib.request
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Scrape:
    """One reading of a metrics page.

    Attributes:
        samples: (name, labels, value) of every sample.
    """

    samples: tuple[tuple[str, dict[str, str], float], ...]

    def total(self, name: str, **labels: str) -> float | None:
        """The sum over the series of this name that carry these labels; None when there is none."""
        found = [
            value
            for sample, its_labels, value in self.samples
            if sample == name and labels.items() <= its_labels.items()
        ]
        return sum(found) if found else None


def parse(text: str) -> Scrape:
    """A metrics page in Prometheus' text format.

    >>> parse('a_total{k="x"} 2.0\\na_total{k="y"} 3.0\\n').total("a_total")
    5.0
    """
    families = text_string_to_metric_families(text)
    return Scrape(tuple((s.name, s.labels, s.value) for family in families for s in family.samples))


def scrape(port: int) -> Scrape | None:
    """Read the page of a process on loopback; None when it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_TIMEOUT_SECONDS) as answer:
            return parse(answer.read().decode())
    except (OSError, ValueError):
        return None
