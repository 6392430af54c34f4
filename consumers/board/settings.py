"""What an operator may set for the board. Read with `stream.config.settings.load(BoardSettings)`."""

from ipaddress import ip_network
from pathlib import Path
from typing import Final

from pydantic import ConfigDict, Field, IPvAnyNetwork, SecretStr

from consumers.alerting.settings import LOOPBACK_HOSTS, AlertingOptions, BoardAddress, SlackSettings
from stream.calendar.calendars import CalendarsSettings
from stream.config.settings import ProcessSettings, ProductSettings
from stream.contracts.errors import ConfigError

TOKEN_CHARS_MIN: Final = 16


class BoardOptions(BoardAddress):
    """The board itself."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field(
        "127.0.0.1", min_length=1, description="where it listens; beyond this machine it asks who you are"
    )
    port: int = Field(8050, ge=0, le=65535, description="0: any free port")
    token: SecretStr | None = Field(
        None, min_length=TOKEN_CHARS_MIN, description="who has it may see and do everything"
    )
    read_token: SecretStr | None = Field(None, min_length=TOKEN_CHARS_MIN, description="who has it may see everything")
    secrets_dir: Path | None = Field(
        None,
        description="folder where a token and the cookies' key are kept, generated where none is set; null: none is",
    )
    cookie_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="signs sessions; one key for all boards behind one address. Null: random",
    )
    proxy_user_header: str | None = Field(
        None, pattern=r"^[A-Za-z0-9-]{1,60}$", description="in which a reverse proxy names whom it let in"
    )
    proxy_role_header: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9-]{1,60}$",
        description="in which it says `write` or `read`; without it all may write",
    )
    trusted_proxies: list[IPvAnyNetwork] = Field(
        [ip_network("127.0.0.1"), ip_network("::1")],
        description="addresses and networks (10.0.0.0/8) from which the proxy's headers are believed",
    )
    allowed_hosts: list[str] = Field([], description="names under which it is reached; empty: this machine's, or any")
    secure_cookies: bool = Field(False, description="on where people reach it by https only")
    read_only: bool = Field(False, description="nobody may do anything but look")
    page_accounts: int = Field(100, ge=10, le=500, description="accounts on a page of the list")
    dead_letters_kept: int = Field(
        500, ge=0, le=10_000, description="the newest dead letters, shown with their originals"
    )
    portfolio_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s<>|]+$",
        max_length=500,
        description="where people reach the portfolio: the board links to it; null: it does not",
    )
    review_receivers: list[str] = Field(
        [], max_length=20, description="receivers of the alerting configuration who are told at once of a review"
    )
    alerts_kept: int = Field(5_000, ge=100, le=100_000, description="alerts in memory; open ones always")
    metrics_host: str = Field("127.0.0.1", description="where Prometheus may scrape it")
    metrics_port: int | None = Field(9103, ge=0, le=65535, description="0: any free port; null: no metrics")

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK_HOSTS

    @property
    def asks(self) -> bool:
        """Whether people must say who they are."""
        return self.token is not None or self.read_token is not None or self.proxy_user_header is not None


class BoardSettings(ProcessSettings):
    """Everything that the board may be told."""

    alerting: AlertingOptions = AlertingOptions()
    product: ProductSettings = ProductSettings()
    calendar: CalendarsSettings = CalendarsSettings()
    scorecards: Path | None = Field(None, description="YAML file of scorecards; the shipped one without it")
    board: BoardOptions = BoardOptions()
    slack: SlackSettings = SlackSettings()

    @property
    def alerting_group(self) -> str:
        """The consumer group of the alerting process."""
        return self.alerting.group_id or f"{self.kafka.installation}-alerting"


def check_access(board: BoardOptions) -> None:
    """Refuse to show customers' data to a network without asking anybody who they are.

    Raises:
        ConfigError: it would listen beyond this machine, and nothing says who may see it.
    """
    if not board.on_loopback and not board.asks:
        raise ConfigError(
            f"board.host = {board.host!r} is reached from other machines, and nothing says who may see the accounts; "
            f"set HEARTLINE_BOARD__TOKEN (at least {TOKEN_CHARS_MIN} characters), or "
            "HEARTLINE_BOARD__SECRETS_DIR to have one generated, or HEARTLINE_BOARD__PROXY_USER_HEADER when a reverse "
            "proxy lets people in, or listen on 127.0.0.1"
        )
