"""`heartline alert ...`: what the alerts are, and what they would have been."""

import typer

from heartline.cli.alert_replay import replay
from heartline.cli.help import prose

app = typer.Typer(name="alert", help="What the alerts are, and what they would have been.", no_args_is_help=True)
app.command(help=prose(replay))(replay)
