"""The options that several commands share."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from stream.config.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="YAML file with settings; the environment wins over it.",
        envvar="HEARTLINE_CONFIG",
    ),
]
Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="JSON lines, plain or packed with gzip or Zstandard; - is standard input.",
        show_default=False,
    ),
]
BootstrapServers = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers",
        metavar="HOST:PORT",
        help="Where Kafka is; several joined by commas. Wins over every setting.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON on stdout, for programs; everything else goes to stderr.")
]


def say(as_json: bool, facts: Any, sentence: str) -> None:
    """What a command did, on stdout: its facts as JSON, or a sentence of them."""
    print(json.dumps(facts, ensure_ascii=False) if as_json else sentence)


def load_settings(config: Path | None, bootstrap_servers: str | None = None) -> "Settings":
    """The settings that the worker and whoever shares its topics would get.

    Raises:
        ConfigError: one of them is wrong.
    """
    from stream.config.settings import Settings, load

    settings = load(Settings, config)
    if bootstrap_servers is None:
        return settings
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": bootstrap_servers})
    return settings.model_copy(update={"kafka": kafka})
