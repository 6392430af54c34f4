"""`heartline up`: all roles in one terminal."""

import os
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heartline.cli.options import Config

if TYPE_CHECKING:
    from heartline.processes.child_process import Role

_POLL_SECONDS = 0.1
_ROLES = ("worker", "alerting", "board")


def up(
    embedded: Annotated[
        bool,
        typer.Option("--embedded", help="Also start Apache Kafka and Valkey on loopback, and use these."),
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", metavar="FOLDER", help="With --embedded: keep the data here; a temporary folder without it."
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Run worker, alerting consumer and board in one terminal, each line of their logs with its role's name.

    Kafka and Redis are the ones that the settings name, or embedded ones. Ctrl-C ends all of it cleanly. When one
    role ends by itself the others are stopped too: the status is 1, and the last lines say why.

    [bold]Examples[/]

    \b
    heartline up --embedded                        [dim]# a whole installation on this machine[/]
    heartline up --embedded --data-dir ./data      [dim]# and tomorrow it goes on where it was[/]
    heartline up --config heartline.yaml           [dim]# against your own Kafka and Redis[/]
    """
    from consumers.alerting.settings import AlertingSettings
    from consumers.board.settings import BoardSettings, check_access
    from heartline.processes.child_process import Role
    from stream.config.settings import Settings, load
    from stream.contracts.errors import ConfigError

    if data_dir is not None and not embedded:
        raise ConfigError("--data-dir is where embedded servers keep their data; it needs --embedded")
    load(Settings, config)  # wrong settings are better told once, here, than by each role
    load(AlertingSettings, config)
    check_access(load(BoardSettings, config).board)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            environ = dict(os.environ)
            if embedded:
                environ |= _servers(stack, data_dir)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heartline-up-")))
            arguments = ("--config", str(config.absolute())) if config is not None else ()
            roles = [Role(name, environ, folder, arguments) for name in _ROLES]
            for role in roles:
                stack.callback(_stop, role)
                role.start()
            _say("up", f"{', '.join(_ROLES)} started; Ctrl-C ends all")
            _follow(roles)
    except KeyboardInterrupt:
        _say("up", "stopped")


def _servers(stack: ExitStack, data_dir: Path | None) -> dict[str, str]:
    """Start the embedded servers; the settings that lead to them."""
    from heartline.embedded import KafkaServer, ValkeyServer, fetch

    fetch()  # with a progress bar, where something is missing
    valkey = stack.enter_context(ValkeyServer(data_dir=data_dir and data_dir / "valkey"))
    kafka = stack.enter_context(KafkaServer(data_dir=data_dir and data_dir / "kafka"))
    _say("up", f"KAFKA_BOOTSTRAP_SERVERS={kafka.bootstrap_servers}")
    _say("up", f"REDIS_URL={valkey.url}")
    return {"HEARTLINE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "HEARTLINE_REDIS__URL": valkey.url}


def _follow(roles: "list[Role]") -> None:
    """Print what the roles say, until one of them ends.

    Raises:
        ChildProcessEnded: says which, and its last lines.
    """
    while True:
        for role in roles:
            for line in role.new_lines():
                _say(role.name, line)
        for role in roles:
            role.check()
        time.sleep(_POLL_SECONDS)


def _stop(role: "Role") -> None:
    role.stop()
    for line in role.new_lines():
        _say(role.name, line)


def _say(who: str, line: str) -> None:
    """One line with who says it; in colour where someone watches."""
    colours = {"worker": typer.colors.CYAN, "alerting": typer.colors.MAGENTA, "board": typer.colors.YELLOW}
    colour = colours.get(who, typer.colors.GREEN)
    typer.echo(f"{typer.style(f'{who:>8} |', fg=colour)} {line}")
