"""`heartline demo`: everything at work on this machine, on a company that does not exist."""

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from heartline.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartline.demo.run import Result
    from heartline.demo.watch import Seen


def demo(
    duration: Annotated[
        float,
        typer.Option(
            "--duration",
            metavar="SECONDS",
            min=20,
            max=3600,
            help="About how long it takes, start included.",
        ),
    ] = 75,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", "--no-open", help="Only print the board's address; open no browser.")
    ] = False,
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep everything up until Ctrl-C, also where no browser opens.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Watch a synthetic company: events, live health, and the first red flag within a minute.

    It starts a real Apache Kafka and a real Valkey on loopback, the stream worker, the alerting consumer, the board and
    a stand-in for Slack. Then forty accounts live sixty days in about a minute: some decline, one collapses, one goes
    silent, one recovers, one drowns in escalated tickets. Nothing of your own installation is touched, and nothing
    stays: Ctrl-C ends it cleanly. Where there is a browser the board opens in it, and stays until Ctrl-C; with --stay
    it stays in any case.

    With --json, or where no one watches, progress goes to stderr in plain lines. The status is 0, or 1 when no red
    flag was raised.

    [bold]Examples[/]

    \b
    heartline demo
    heartline demo --duration 180            [dim]# slower[/]
    heartline demo --stay                    [dim]# look around as long as you like[/]
    heartline demo --json --no-browser | tail -1 | jq .first_red_flag_seconds
    """
    started = _started()

    from heartline.demo.display import Lines, Screen
    from heartline.demo.run import Demo

    watched = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    display = Screen() if watched and not as_json else Lines(started)
    shows = watched and not as_json and not no_browser
    performance = Demo(duration, display, started, _browser() if shows else None, stay=stay)
    result = performance.run()
    _report(result, performance.seen, as_json)
    if result.alerts_opened == 0 and not result.interrupted:
        print(
            "heartline: no red flag was raised, and one should have been: look at what the worker and the alerting "
            "process said last, above, and at `heartline doctor`",
            file=sys.stderr,
        )
        raise typer.Exit(1)


def _browser() -> "Callable[[str], bool] | None":
    """What opens an address in a window; None where there is no screen for one, or none that would not take this."""
    import webbrowser

    if sys.platform not in ("darwin", "win32") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return None
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return None
    return None if isinstance(browser, webbrowser.GenericBrowser) and _is_text(browser.name) else browser.open


def _is_text(name: str) -> bool:
    """Whether a browser would take the terminal that the demo draws on."""
    return name.rpartition("/")[2] in ("www-browser", "links", "elinks", "lynx", "w3m")


def _started() -> float:
    """When this process was started, on the monotonic clock: imports are part of what people wait for."""
    try:
        import psutil
    except ImportError:
        from stream.contracts.errors import ConfigError

        raise ConfigError("the demo needs its servers: pip install 'heartline[embedded]'") from None
    return time.monotonic() - (time.time() - psutil.Process().create_time())


def _report(result: "Result", seen: "Seen", as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        print(json.dumps(asdict(result)))
        return
    from rich.console import Console

    from heartline.terminal.terminal_format import account_table, worst_first

    console = Console()
    if seen.reports:
        console.print("The least healthy accounts at the end", style="bold")
        console.print(account_table(worst_first(seen.reports)[:10], console.width))
    first = f", the first after {result.first_red_flag_seconds} s" if result.first_red_flag_seconds is not None else ""
    console.print(
        f"\n{result.events:,} events of {result.accounts} accounts through Apache Kafka {result.kafka_version} in "
        f"{result.seconds:.0f} s: {result.alerts_opened} red flags{first}, {result.alerts_resolved} resolved, "
        f"{result.notifications_delivered} Slack messages." + (" Ended early, as asked." if result.interrupted else ""),
        highlight=False,
    )
    console.print(
        "\n[bold]What next[/]\n"
        "  heartline up --embedded            the same servers and processes, for your own events\n"
        "  heartline replay events.jsonl.gz   your own history, as JSON lines\n"
        "  heartline snapshot events.jsonl.gz --every month --out health.csv   the same without Kafka",
        highlight=False,
    )
