"""`heartline up`: all roles in one terminal."""

import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heartline.cli.options import Config

if TYPE_CHECKING:
    from heartline.processes.child_process import Role

_POLL_SECONDS = 0.1
_ROLES = ("worker", "alerting", "board")
_KAFKA_PORT, _REDIS_PORT = 9092, 6379
_USUAL_PORTS = {
    "HEARTLINE_BOARD__PORT": 8050,
    "HEARTLINE_WORKER__METRICS_PORT": 9101,
    "HEARTLINE_ALERTING__METRICS_PORT": 9102,
    "HEARTLINE_BOARD__METRICS_PORT": 9103,
}
_BOARD_READY = re.compile(r"\bboard ready on (\S+)")


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
                environ |= _servers(stack, data_dir) | _ports(environ)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heartline-up-")))
            arguments = ("--config", str(config.absolute())) if config is not None else ()
            roles = [Role(name, environ, folder, arguments) for name in _ROLES]
            for role in roles:
                stack.callback(_stop, role)
                role.start()
            _say("up", f"{', '.join(_ROLES)} started; Ctrl-C ends all")
            _follow(roles, lambda board_url: _tell_ready(stack, environ, board_url, embedded=embedded))
    except KeyboardInterrupt:
        _say("up", "stopped")


def _servers(stack: ExitStack, data_dir: Path | None) -> dict[str, str]:
    """Start the embedded servers; the settings that lead to them."""
    from heartline.embedded import KafkaServer, ValkeyServer, fetch
    from heartline.embedded.ports import usual_or_free

    fetch()  # with a progress bar, where something is missing
    valkey = ValkeyServer(data_dir=data_dir and data_dir / "valkey", port=usual_or_free(_REDIS_PORT))
    kafka = KafkaServer(data_dir=data_dir and data_dir / "kafka", port=usual_or_free(_KAFKA_PORT))
    stack.enter_context(valkey)
    stack.enter_context(kafka)
    _say("up", f"KAFKA_BOOTSTRAP_SERVERS={kafka.bootstrap_servers}")
    _say("up", f"REDIS_URL={valkey.url}")
    return {"HEARTLINE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "HEARTLINE_REDIS__URL": valkey.url}


def _ports(environ: Mapping[str, str]) -> dict[str, str]:
    """For what nobody has set and another process has taken: a free port in place of the usual one."""
    from heartline.embedded.ports import free_ports, is_free

    return {
        name: str(free_ports(1)[0])
        for name, usual in _USUAL_PORTS.items()
        if not environ.get(name) and "HEARTLINE_CONFIG" not in environ and not is_free(usual)
    }


def _tell_ready(stack: ExitStack, environ: Mapping[str, str], board_url: str, *, embedded: bool) -> None:
    """Everything is up: where to look, and for other commands where everything is."""
    from heartline.processes.running_installation import RunningInstallation, forget, remember

    if embedded:
        servers = environ["HEARTLINE_KAFKA__BOOTSTRAP_SERVERS"], environ["HEARTLINE_REDIS__URL"]
        running = RunningInstallation(*servers, board_url)
        remember(running)
        stack.callback(forget, running)
    _say("up", f"everything runs; the board is at {board_url}")


def _follow(roles: "list[Role]", on_ready: Callable[[str], None]) -> None:
    """Print what the roles say, until one of them ends.

    Args:
        roles: the processes.
        on_ready: called once all of them are ready, with the board's address.

    Raises:
        ChildProcessEnded: says which, and its last lines.
    """
    waiting, board_url = {role.name for role in roles}, ""
    while True:
        for role in roles:
            for line in role.new_lines():
                _say(role.name, line)
                if found := _BOARD_READY.search(line):
                    board_url = found[1]
        if waiting:
            waiting -= {role.name for role in roles if role.ready}
            if not waiting and board_url:
                on_ready(board_url)
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
