"""`heartline doctor`: whether everything is in place, and what to do if not."""

import json
from typing import TYPE_CHECKING, Any

import typer

from heartline.cli.options import Config, Json

if TYPE_CHECKING:
    from heartline.doctor.check import Check

_MARKS = {"ok": ("✓", "green"), "note": ("!", "yellow"), "broken": ("✗", "red")}


def doctor(config: Config = None, as_json: Json = False) -> None:
    """Check Python, packages, embedded servers, settings, Kafka, topics, Redis, scorecards, receivers, clock and ports.

    Every finding that needs one comes with what to do. The status is 1 when something is broken, 0 otherwise;
    a mark ! is worth knowing and breaks nothing. Secrets are never shown, and nothing is sent or changed.

    [bold]Examples[/]

    \b
    heartline doctor
    heartline doctor --config heartline.yaml --json | jq '.checks[] | select(.state != "ok")'
    """
    from heartline.doctor.examine import examine

    checks = []
    for check in examine(config):
        checks.append(check)
        if not as_json:
            _show(check)
    is_broken = any(check.state == "broken" for check in checks)
    if as_json:
        print(json.dumps({"ok": not is_broken, "checks": [_plain(check) for check in checks]}, ensure_ascii=False))
    if is_broken:
        raise typer.Exit(1)


def _show(check: "Check") -> None:
    mark, colour = _MARKS[check.state]
    typer.echo(f"{typer.style(mark, fg=colour)} {check.name:<19} {check.found}")
    if check.advice is not None:
        typer.echo(f"  {'':<19} {typer.style('→ ' + check.advice, fg=colour)}")


def _plain(check: "Check") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(check)
