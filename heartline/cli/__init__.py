"""The command `heartline`. One module a command.

What is heavy is imported when its command runs, so that help is quick.

- `demo`      a synthetic company on embedded servers, live, within a minute
- `up`        all roles in one terminal
- `processes` worker, alerting, board, intake
- `replay`    files of events onto Kafka
- `imports`   exports of other systems onto Kafka
- `tail`      what comes in, as it comes
- `snapshot`  the same fold over files, without Kafka
- `backtest`  how well the score tells which accounts leave, on one's own history
- `calibrate` a scorecard fitted to one's own history
- `top`       all accounts on a terminal, live
- `account`   one account's current report
- `report`    all accounts as one HTML file
- `synthetic` years of a company that does not exist, as files
- `portfolio` revenue, retention, churn and renewals, and the accounts behind each figure
- `alert`     what the alerts are (`alert_life`), what they would have been (`alert_replay`), who is told
  (`alert_route`), what waits to be told (`alert_outbox`), and Redis filled again from Kafka (`alert_restore`)
- `silence`   for whom nothing is told for a while
- `override`  an account's health set by hand, until a day
- `quarantine` accounts that raise an error, and their release
- `alias`     what other tools call the accounts
- `baseline`  what an account does now, accepted as its new normal
- `scorecard` scorecards checked, explained and compared
- `doctor`    whether everything is in place, and what to do if not
- `acls`      the rights on Kafka that each process needs
- `erase`     an account or a user, out of all that is kept
- `repartition` an installation to more partitions, or to another prefix
- `bench`     how fast the worker is on this machine
- `schemas`   the contracts as JSON Schemas
- `metrics`   every Prometheus metric
- `servers`   the embedded servers
- `options`, `progress`, `help`, `errors`   what the commands share: options, the bar, help texts, how an error ends one
"""

from typing import Annotated, Final

import typer

from heartline import __version__
from heartline.cli import (
    account,
    acls,
    backtest,
    bench,
    calibrate,
    demo,
    doctor,
    erase,
    imports,
    metrics,
    processes,
    repartition,
    replay,
    report,
    schemas,
    snapshot,
    synthetic,
    tail,
    top,
    up,
)
from heartline.cli.alert import app as alert_app
from heartline.cli.alias import app as alias_app
from heartline.cli.baseline import app as baseline_app
from heartline.cli.errors import WordedErrors
from heartline.cli.help import prose
from heartline.cli.override import app as override_app
from heartline.cli.portfolio import app as portfolio_app
from heartline.cli.quarantine import app as quarantine_app
from heartline.cli.scorecard import app as scorecard_app
from heartline.cli.servers import app as servers_app
from heartline.cli.silence import app as silence_app

_EPILOG = (
    "Start here: [bold]heartline demo[/] shows everything at work in about a minute. "
    "Settings come from the environment and a YAML file; [bold]heartline doctor[/] tells what is missing."
)

app = typer.Typer(
    name="heartline",
    cls=WordedErrors,
    help="Live, explained health scores for B2B accounts, from the events that are already on Kafka.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"heartline {__version__}")
        raise typer.Exit


@app.callback()
def _heartline(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """What holds for all commands."""


_COMMANDS: Final = (
    (demo.demo, "See it", None),
    (top.top, "See it", None),
    (account.account, "See it", None),
    (report.report, "See it", None),
    (snapshot.snapshot, "See it", snapshot.DatesInARow),
    (backtest.backtest, "See it", None),
    (calibrate.calibrate, "See it", None),
    (up.up, "Run it", None),
    (processes.worker, "Run it", None),
    (processes.alerting, "Run it", None),
    (processes.board, "Run it", None),
    (processes.intake, "Run it", None),
    (replay.replay, "Run it", None),
    (synthetic.synthetic, "See it", None),
    (imports.import_, "Run it", None),
    (tail.tail, "Look after it", None),
    (doctor.doctor, "Look after it", None),
    (erase.erase, "Look after it", None),
    (acls.acls, "Look after it", None),
    (repartition.repartition, "Look after it", None),
    (bench.bench, "Look after it", None),
    (schemas.schemas, "Look after it", None),
    (metrics.metrics, "Look after it", None),
)
for _command, _panel, _cls in _COMMANDS:
    app.command(_command.__name__.rstrip("_"), help=prose(_command), rich_help_panel=_panel, cls=_cls)(_command)
app.add_typer(portfolio_app, name="portfolio", rich_help_panel="See it")
app.add_typer(override_app, name="override", rich_help_panel="See it")
app.add_typer(baseline_app, name="baseline", rich_help_panel="See it")
app.add_typer(alert_app, name="alert", rich_help_panel="Look after it")
app.add_typer(alias_app, name="alias", rich_help_panel="Look after it")
app.add_typer(quarantine_app, name="quarantine", rich_help_panel="Look after it")
app.add_typer(silence_app, name="silence", rich_help_panel="Look after it")
app.add_typer(scorecard_app, name="scorecard", rich_help_panel="Look after it")
app.add_typer(servers_app, name="servers", rich_help_panel="Look after it")


def main() -> None:
    """The console command."""
    app()
