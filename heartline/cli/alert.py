"""`heartline alert ...`: what the alerts are, what they would have been, and who is told of them."""

import typer

from heartline.cli import alert_life
from heartline.cli.alert_outbox import app as outbox_app
from heartline.cli.alert_replay import replay
from heartline.cli.alert_restore import restore
from heartline.cli.alert_route import would_tell
from heartline.cli.help import prose

app = typer.Typer(
    name="alert", help="What the alerts are, what they would have been, and who is told.", no_args_is_help=True
)
for _name, _function in (
    ("list", alert_life.list_alerts),
    ("show", alert_life.show),
    ("ack", alert_life.ack),
    ("snooze", alert_life.snooze),
    ("resolve", alert_life.resolve),
    ("verdict", alert_life.verdict),
    ("play", alert_life.play),
    ("note", alert_life.note_account),
):
    app.command(_name, help=prose(_function))(_function)
app.command(help=prose(replay))(replay)
app.command("test-route", help=prose(would_tell))(would_tell)
app.command(help=prose(restore))(restore)
app.add_typer(outbox_app, name="outbox")
