"""Where fetched files are kept between runs."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def cache_dir(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Give the user's cache folder for Heartline; it may not exist yet.

    `HEARTLINE_CACHE_DIR` wins, then the platform's own convention: `XDG_CACHE_HOME` or `~/.cache`, and
    `~/Library/Caches` on macOS.
    Source: XDG Base Directory Specification 0.8; Apple, File System Programming Guide.
    """
    if chosen := environ.get("HEARTLINE_CACHE_DIR"):
        return Path(chosen).expanduser()
    if xdg := environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "heartline"
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / "heartline"
    return Path.home() / ".cache" / "heartline"
