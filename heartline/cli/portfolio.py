"""`heartline portfolio`: net retention, churn, renewals and every other figure, and the accounts behind each."""

import csv
import json
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from heartline.cli.help import prose
from heartline.cli.options import Config, Json
from heartline.errors import writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.table import Table

    from consumers.portfolio.settings import PortfolioSettings
    from consumers.portfolio.store import Store
    from heartline.portfolio.answers import Answers

_USUAL: Final = (
    *("arr", "accounts", "arpa", "new", "reactivation", "expansion", "contraction", "churn", "fx"),
    *("nrr", "grr", "revenue_churn", "logo_churn", "renewal_rate", "renewal_rate_arr", "upsell_rate", "save_rate"),
    *("trial_conversion", "quick_ratio", "customer_base_coverage"),
)


class _FiguresByDefault(TyperGroup):
    """`heartline portfolio FILES` is `heartline portfolio figures FILES`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in front of what names none."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["figures", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_FiguresByDefault,
    help="Money and the portfolio: retention, churn, renewals, expansion, and the accounts behind each figure.",
    no_args_is_help=True,
)

PeriodOption = Annotated[
    str | None,
    typer.Option(
        "--period",
        metavar="PERIOD",
        help="2026-07-31, 2026-07, 2026-Q3, 2026, or several in a row: 2025-Q1..2026-Q3. The quarter of the last "
        "event without it.",
        show_default=False,
    ),
]
Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILE]...",
        help="JSON lines, plain or packed with gzip or Zstandard; - is standard input. Without any the portfolio's "
        "process is asked.",
        show_default=False,
    ),
]
CsvFile = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a table; - is stdout.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML page.")]
Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Which process to ask; without files. The settings' one without it."),
]
AsKnown = Annotated[
    str | None, typer.Option("--as-known", metavar="DATE", help="As it was known at the end of that day.")
]


@app.command(help="")
def figures(
    files: Files = None,
    period: PeriodOption = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="segment, owner, stage, plan, product, cohort or campaign.", show_default=False),
    ] = None,
    figure: Annotated[
        list[str] | None,
        typer.Option("--figure", metavar="ID", help="Which; several times, or `all`. The usual ones without it."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="The accounts behind one figure of one period.")] = False,
    group: Annotated[str | None, typer.Option("--group", help="With --by and --explain: this group only.")] = None,
    as_known: AsKnown = None,
    server: Server = None,
    as_json: Json = False,
    csv_file: CsvFile = None,
    html_file: HtmlFile = None,
    config: Config = None,
) -> None:
    """Figures of a period, by group, each with its numerator, denominator, n and 95 % interval.

    [bold]Examples[/]

    \b
    heartline portfolio events.jsonl.gz --period 2026-Q3 --by segment
    heartline portfolio events.jsonl --period 2025-Q1..2026-Q3 --figure nrr --figure grr --csv retention.csv
    heartline portfolio events.jsonl --period 2026-Q3 --figure nrr --by segment --group smb --explain
    heartline portfolio events.jsonl --period 2026-Q2 --as-known 2026-07-05
    heartline portfolio --server http://portfolio:8070 --by owner
    """
    from consumers.portfolio.lifetime import ALL_IDS
    from consumers.portfolio.presentation import as_json as value_as_json
    from heartline.portfolio.report import page

    settings = _settings(config)
    known = None if as_known is None else _day(as_known)
    with _answers(files, server, settings) as answers:
        today = answers.today() if known is None else min(answers.today(), known)
        periods = _periods(period, today)
        dimension = _dimension(by)
        ids = list(ALL_IDS) if figure == ["all"] else figure or list(_USUAL)
        if explain:
            _explain(answers, ids, periods, dimension, group, known, as_json, csv_file)
            return
        if figure is None or figure == ["all"]:
            ids = _told_by(ids, dimension)
        values = answers.figures(ids, periods, dimension, known)
    if group is not None:
        values = [(shape, value) for shape, value in values if value.group == group]
    currency = settings.portfolio.currency
    rows = [value_as_json(shape, value, currency) for shape, value in values]
    if html_file is not None:
        _write(html_file, page(values, currency, today, by, known))
    if csv_file is not None:
        _write_csv(csv_file, rows)
    if as_json:
        print(json.dumps({"currency": currency, "until": today.isoformat(), "figures": rows}))
    elif csv_file is None and html_file is None:
        from heartline.terminal import portfolio_tables

        _show(portfolio_tables.figures(values, currency, by, today))


@app.command(help="")
def renewals(
    files: Files = None,
    days: Annotated[int, typer.Option("--days", min=1, max=730, help="How far ahead.")] = 90,
    server: Server = None,
    as_json: Json = False,
    csv_file: CsvFile = None,
    html_file: HtmlFile = None,
    config: Config = None,
) -> None:
    """Terms that end soon or are overdue, and what each band's own past says of them.

    [bold]Example[/]

    \b
    heartline portfolio renewals events.jsonl --days 60
    """
    settings = _settings(config)
    with _answers(files, server, settings) as answers:
        coming, bands = answers.renewals(days)
    currency = settings.portfolio.currency
    if as_json:
        print(json.dumps({"renewals": [_fields(each) for each in coming], "bands": [_fields(each) for each in bands]}))
    title = f"Renewals of the next {days} days"
    if _written(title, {"bands": bands, "renewals": coming}, settings, csv_file, html_file) or as_json:
        return
    from heartline.terminal import portfolio_tables

    _show(portfolio_tables.renewals(coming, bands, currency))


@app.command(help="")
def adoption(
    files: Files = None,
    server: Server = None,
    as_json: Json = False,
    csv_file: CsvFile = None,
    html_file: HtmlFile = None,
    config: Config = None,
) -> None:
    """Churn by the band 90 days before; features by how many use them and by who stays; `product.launches`.

    It stands on account-days: how each account stood at the end of each day.

    [bold]Example[/]

    \b
    heartline portfolio adoption events.jsonl account-days.jsonl.gz --config heartline.yaml
    """
    settings = _settings(config)
    with _answers(files, server, settings) as answers:
        bands, found = answers.bands(), answers.features()
    used = [each for each in found.used if each.plan is None]
    kept, launches, stay = found.retention, found.uptake, found.stay
    parts: dict[str, Sequence[Any]] = {
        **{"bands": bands, "features": used, "feature_retention": kept},
        **{"launches": launches, "launch_stay": stay},
    }
    if as_json:
        print(json.dumps({name: [_fields(each) for each in part] for name, part in parts.items()}))
    if _written("Adoption", parts, settings, csv_file, html_file) or as_json:
        return
    from heartline.terminal import portfolio_tables

    _show(portfolio_tables.adoption(bands, used, kept, launches))


@app.command("usage-drops", help="")
def usage_drops(
    files: Files = None,
    server: Server = None,
    as_json: Json = False,
    csv_file: CsvFile = None,
    html_file: HtmlFile = None,
    config: Config = None,
) -> None:
    """Every fall of use that came back, and whether it was still there 3, 6 and 12 months later.

    A fall is to 70 % of the peak of 13 weeks or less; back is 90 % of it within half a year. It stands on account-days.

    [bold]Example[/]

    \b
    heartline portfolio usage-drops events.jsonl account-days.jsonl.gz
    """
    from consumers.portfolio.usage_drops import drop_fates

    settings = _settings(config)
    with _answers(files, server, settings) as answers:
        drops = answers.usage_drops()
    fates = drop_fates(drops)
    if as_json:
        print(json.dumps({"fates": [_fields(each) for each in fates], "drops": [_fields(each) for each in drops]}))
    title = "Use that fell and came back"
    if _written(title, {"fates": fates, "drops": drops}, settings, csv_file, html_file) or as_json:
        return
    from heartline.terminal import portfolio_tables

    _show(portfolio_tables.usage_drops(fates, drops))


@app.command(help="")
def plays(
    files: Files = None,
    server: Server = None,
    as_json: Json = False,
    csv_file: CsvFile = None,
    html_file: HtmlFile = None,
    config: Config = None,
) -> None:
    """What plays did: accounts with a play against comparable accounts without it.

    Comparable: a customer on the same day, in the same band and segment, with nearly the same use of its seats, and on
    no play. Where there are too few, that is said and nothing else. It stands on account-days.

    [bold]Example[/]

    \b
    heartline portfolio plays events.jsonl account-days.jsonl.gz
    """
    settings = _settings(config)
    with _answers(files, server, settings) as answers:
        found = answers.play_effects()
    if as_json:
        print(json.dumps([_fields(each) | {"sentence": each.sentence} for each in found]))
    title = "Plays against comparable accounts"
    if _written(title, {"plays": found}, settings, csv_file, html_file) or as_json:
        return
    from heartline.terminal import portfolio_tables

    _show(portfolio_tables.plays(found))


@app.command(help="")
def summary(
    files: Files = None,
    month: Annotated[
        str | None, typer.Option("--month", metavar="MONTH", help="As 2026-06; the last whole one without it.")
    ] = None,
    send: Annotated[
        list[str] | None,
        typer.Option(
            "--send", metavar="RECEIVER", help="Send it, to a receiver of the alerting configuration; several."
        ),
    ] = None,
    server: Server = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """A month for who leads the team: what was done, what it moved, what it is worth, and who made the difference.

    With --send it goes by e-mail or Slack, to receivers as alerts have them; let cron do it on the first of the month.

    [bold]Examples[/]

    \b
    heartline portfolio summary events.jsonl.gz account-days.jsonl.gz --month 2026-06
    0 8 1 * *  heartline portfolio summary --send lead-mail --send slack
    """
    from alerts.messages.plain_text import as_text
    from consumers.portfolio.days import parse_period, period_of
    from consumers.portfolio.monthly_summary import (
        monthly_summary,
        summary_as_json,
        summary_message,
        summary_notification,
    )
    from stream.contracts.errors import ConfigError

    settings = _settings(config)
    with _answers(files, server, settings) as answers:
        asked = period_of(answers.today(), "month").previous() if month is None else parse_period(month)
        if asked.unit != "month":
            raise ConfigError(f"--month {month}: expected a month, as 2026-06")
        found = monthly_summary(answers, asked, settings.portfolio.currency)
    if as_json:
        print(json.dumps(summary_as_json(found)))
    elif not send:
        print(as_text(summary_message(found)))
    if send:
        from heartline.message_sender import send_message

        for name in send_message(summary_notification(found), send, config):
            print(f"{name}: sent", file=sys.stderr)


@app.command(help="")
def restatements(
    files: Files = None,
    period: PeriodOption = None,
    server: Server = None,
    as_json: Json = False,
    csv_file: CsvFile = None,
    html_file: HtmlFile = None,
    config: Config = None,
) -> None:
    """What was recorded only after a period had ended and changed its end, each with the event that did.

    [bold]Example[/]

    \b
    heartline portfolio restatements events.jsonl --period 2026-Q2
    """
    settings = _settings(config)
    with _answers(files, server, settings) as answers:
        (asked,) = _periods(period, answers.today())[:1]
        found = answers.restatements(asked)
    currency = settings.portfolio.currency
    if as_json:
        print(json.dumps([_fields(each) for each in found]))
    title = f"Restatements of {asked.name}"
    if _written(title, {"restatements": found}, settings, csv_file, html_file) or as_json:
        return
    from heartline.terminal import portfolio_tables

    _show(portfolio_tables.restatements(found, currency))


@app.command(help="")
def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files go; it is made if need be.")],
    files: Files = None,
    server: Server = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write what is derived as Parquet, a file a table, for a warehouse.

    Intervals, movements, terms, trials, requests, spells, profiles, bands, account-days and so on: what became of the
    events. Days are counted from 1970-01-01, money is in minor units.

    [bold]Example[/]

    \b
    heartline portfolio export warehouse/ events.jsonl.gz account-days.jsonl.gz
    """
    from consumers.portfolio.tables import EXPORTED

    settings = _settings(config)
    written: dict[str, str] = {}
    with _answers(files, server, settings) as answers:
        for table in EXPORTED:
            path = folder / f"{table}.parquet"
            with writing(path):
                folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(answers.parquet(table))
            written[table] = str(path)
            if not as_json:
                print(path, file=sys.stderr)
    if as_json:
        print(json.dumps(written))


@app.command(help="")
def serve(
    port: Annotated[
        int | None, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Where it listens; 0: any free port.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Where the ledger is kept; may be deleted.")
    ] = None,
    config: Config = None,
) -> None:
    """Run the portfolio: Kafka's topics into a ledger, and every figure as JSON and in pages.

    [bold]Examples[/]

    \b
    KAFKA_BOOTSTRAP_SERVERS=kafka:9092 heartline portfolio serve
    heartline portfolio serve --file /var/lib/heartline/portfolio.duckdb --port 8070
    """
    settings = _settings(config)
    given = {"port": port, "file": file}
    options = settings.portfolio.model_copy(update={name: value for name, value in given.items() if value is not None})
    from consumers.portfolio.process import run_portfolio

    run_portfolio(settings.model_copy(update={"portfolio": options}))


for _command in app.registered_commands:
    assert _command.callback is not None
    _command.help = prose(_command.callback)


def _settings(config: Path | None) -> "PortfolioSettings":
    from consumers.portfolio.settings import PortfolioSettings
    from stream.config.settings import load
    from stream.contracts.errors import ConfigError

    try:
        import duckdb  # noqa: F401
    except ImportError:
        raise ConfigError("the portfolio needs DuckDB: install heartline[portfolio]") from None
    return load(PortfolioSettings, config)


@contextmanager
def _answers(files: list[Path] | None, server: str | None, settings: "PortfolioSettings") -> "Iterator[Answers]":
    """The ledger of the files; without any, the process."""
    from heartline.errors import FileError
    from heartline.portfolio.answers import FileAnswers, ServerAnswers, newest_day
    from heartline.portfolio.files import load_files
    from stream.contracts.errors import ConfigError

    if not files:
        options = settings.portfolio
        yield ServerAnswers(server or f"http://{options.host}:{options.port}", settings)
        return
    if server is not None:
        raise ConfigError("--server: expected no files beside it; either the process is asked, or they are read")
    loaded = load_files(files, settings.portfolio.rules)
    try:
        if loaded.newest_ms is None:
            raise FileError(f"{files[0]}: no line that the portfolio can use; expected subscription events")
        if loaded.skipped[""]:
            print(f"{loaded.skipped['']:,} lines are no events and were left out", file=sys.stderr)
        _tell_problems(loaded.store)
        yield FileAnswers(settings, loaded.store, newest_day(loaded.newest_ms, settings))
    finally:
        loaded.store.close()


def _tell_problems(store: "Store") -> None:
    rows = store.cursor().execute("SELECT problem FROM ledger WHERE problem IS NOT NULL ORDER BY ALL").fetchall()
    if rows:
        print(f"{len(rows):,} events can't be used; the first: {rows[0][0]}", file=sys.stderr)
    for currency, accounts in store.without_rate().items():
        print(
            f"{currency}: {accounts:,} accounts paid in it before its first rate, and are left out of money there; "
            "send a rate (event `rate`), or set portfolio.currency",
            file=sys.stderr,
        )


def _day(text: str) -> date:
    from stream.contracts.errors import ConfigError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--as-known {text}: expected a date, as 2026-07-05") from None


def _periods(text: str | None, today: date) -> "list[Any]":
    from consumers.portfolio.days import parse_periods, period_of

    return [period_of(today, "quarter")] if text is None else parse_periods(text)


def _dimension(by: str | None) -> Any:
    from consumers.portfolio.facts import DIMENSIONS
    from stream.contracts.errors import ConfigError

    if by is not None and by not in DIMENSIONS:
        raise ConfigError(f"--by {by}: expected one of {', '.join(DIMENSIONS)}")
    return by


def _told_by(ids: Sequence[str], by: Any) -> list[str]:
    """The figures that are told by a dimension: costs are not by segment, touchpoints not by product."""
    from consumers.portfolio.lifetime import is_told_by

    return [id_ for id_ in ids if is_told_by(id_, by)]


def _explain(
    answers: "Answers",
    ids: list[str],
    periods: list[Any],
    by: Any,
    group: str | None,
    as_known: date | None,
    as_json: bool,
    out: Path | None,
) -> None:
    from consumers.portfolio.lifetime import shape_of
    from consumers.portfolio.presentation import part_as_json
    from stream.contracts.errors import ConfigError

    if len(ids) != 1 or len(periods) != 1:
        raise ConfigError("--explain: expected one --figure and one --period")
    parts = answers.explain(ids[0], periods[0], by, group, as_known)
    rows = [part_as_json(part) for part in parts]
    if as_json:
        print(json.dumps(rows))
    elif out is not None:
        _write_csv(out, rows)
    else:
        from heartline.terminal import portfolio_tables

        _show(portfolio_tables.behind(shape_of(ids[0]), periods[0], by, parts))


def _show(parts: "Iterable[Table | str]") -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    for part in parts:
        if isinstance(part, str):
            print(part)
        else:
            console.print(part)


def _written(
    title: str,
    tables: "Mapping[str, Sequence[Any]]",
    settings: "PortfolioSettings",
    csv_file: Path | None,
    html_file: Path | None,
) -> bool:
    """Write tables of records where it is asked for; returns whether it was."""
    from consumers.portfolio.presentation import rows_by_table
    from heartline.portfolio.report import page_of_tables

    currency = settings.portfolio.currency
    if csv_file is not None:
        _write_csv(csv_file, rows_by_table(tables, currency))
    if html_file is not None:
        _write(html_file, page_of_tables(title, tables, currency))
    return csv_file is not None or html_file is not None


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if str(path) == "-":
        _csv_rows(sys.stdout, names, rows)
        return
    with writing(path), path.open("w", encoding="utf-8", newline="") as file:
        _csv_rows(file, names, rows)
    print(f"{path}: {len(rows):,} rows", file=sys.stderr)


def _csv_rows(file: Any, names: list[str], rows: Sequence[dict[str, Any]]) -> None:
    writer = csv.DictWriter(file, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _write(path: Path, page: str) -> None:
    with writing(path):
        path.write_text(page, "utf-8")
    print(path, file=sys.stderr)


def _fields(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}
