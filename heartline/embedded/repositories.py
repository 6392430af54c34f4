"""Which Maven repositories the user has chosen. Heartline names none itself: jgo knows the public one."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL

CENTRAL = "central"


def mirror_of(settings_xml: str, repository: str) -> str | None:
    """Give the address of the first mirror in a Maven settings.xml that stands for `repository`; None without one.

    `mirrorOf` is a comma-separated list of ids, `*`, `external:*` and `!id`.
    Source: Maven, "Using Mirrors for Repositories". Raises ElementTree.ParseError for text that is no XML.
    """
    # The user's own configuration file, read as Maven reads it.
    root = ElementTree.fromstring(settings_xml)  # noqa: S314
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        patterns = {pattern.strip() for pattern in mirror.findtext("{*}mirrorOf", "").split(",")}
        url = mirror.findtext("{*}url", "").strip()
        meant = patterns & {repository, "*", "external:*"} and f"!{repository}" not in patterns
        if meant and url:
            return url.rstrip("/")
    return None


def chosen_repositories(home: Path | None = None) -> dict[str, str]:
    """Give the repositories to ask, by name: jgo's configuration first, then the mirror in ~/.m2/settings.xml.

    Where the user has chosen nothing, this is the public repository that jgo itself knows.
    """
    configured: dict[str, str] = dict(GlobalSettings.load().repositories)
    if CENTRAL in configured:
        return configured
    settings = (Path.home() if home is None else home) / ".m2" / "settings.xml"
    mirror = None
    if settings.is_file():
        try:
            mirror = mirror_of(settings.read_text(encoding="utf-8"), CENTRAL)
        except ElementTree.ParseError:
            mirror = None  # Maven itself, the second way, will say what is wrong with the file
    return {**configured, CENTRAL: mirror or str(MAVEN_CENTRAL_URL)}
