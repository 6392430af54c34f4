"""`heartline schemas`: the contracts as JSON Schemas."""

import json
from pathlib import Path
from typing import Annotated

import typer

from heartline.cli.options import Json, say


def schemas(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where to write; made when missing.")] = Path(
        "schemas"
    ),
    as_json: Json = False,
) -> None:
    """Write the JSON Schemas of every input event, the health report, dead letters, and alert steps and commands.

    [bold]Example[/]

    \b
    heartline schemas --out docs/schemas
    """
    from heartline.reference.json_schemas import all_schemas

    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in sorted(all_schemas().items()):
        path = out / f"{name}.schema.json"
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", "utf-8")
        written.append(str(path))
    say(as_json, written, "\n".join(written))
