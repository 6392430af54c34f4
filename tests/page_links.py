"""Follows every link of a site and every choice of its filters, as somebody would who clicks on everything."""

from collections import deque
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urldefrag, urlencode, urljoin, urlsplit

from starlette.testclient import TestClient

KINDS_MAX = 2  # of pages that differ in one value alone, so many are tried


class _Page(HTMLParser):
    """What a page leads to."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.links = address, list[str]()
        self._form: tuple[str, dict[str, str]] | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("a", "link") and "href" in given:
            self.links.append(urljoin(self.address, given["href"]))
        elif tag in ("script", "img") and "src" in given:
            self.links.append(urljoin(self.address, given["src"]))
        elif tag == "form":
            reads = given.get("method", "get").lower() == "get"
            self._form = (urljoin(self.address, given.get("action", "")), {}) if reads else None
        elif self._form is not None and tag == "input" and given.get("type") == "hidden":
            self._form[1][given["name"]] = given.get("value", "")
        elif tag == "select":
            self._select = given.get("name")
        elif tag == "option" and self._form is not None and self._select is not None and given.get("value"):
            action, hidden = self._form
            self.links.append(f"{action}?{urlencode(hidden | {self._select: given['value']})}")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None


def follow_all(client: TestClient, start: str, pages_max: int) -> dict[str, int]:
    """The status of each page that can be reached from one; external links are not followed.

    Args:
        client: of the site.
        start: the path to begin with.
        pages_max: a bound, for filters multiply.

    Returns:
        By path and query; of pages with the same path and the same names in their query, KINDS_MAX times the number of
        those names.
    """
    home = urlsplit(str(client.base_url))
    found: dict[str, int] = {}
    kinds: dict[Any, int] = {}
    waiting = deque([start])
    while waiting and len(found) < pages_max:
        path = waiting.popleft()
        if path in found:
            continue
        answer = client.get(path)
        found[path] = answer.status_code
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        page = _Page(str(answer.url))
        page.feed(answer.text)
        for link in page.links:
            parts = urlsplit(urldefrag(link).url)
            if parts.scheme not in ("http", "https") or parts.netloc != home.netloc:
                continue
            kind = (parts.path, frozenset(name for name, _ in parse_qsl(parts.query)))
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] <= KINDS_MAX * max(len(kind[1]), 1):
                waiting.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return found
