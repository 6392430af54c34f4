"""Section `receivers` of the alerting configuration: who may be told, by name.

A secret is never in the file. The file says where it is: `<name>_env` names an environment variable, `<name>_file` a
file whose content it is. Whoever makes the receivers reads them.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

ReceiverName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class _Receiver(BaseModel):
    """What all receivers have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The secrets of a kind; those that may be left out.
    secrets: ClassVar[tuple[str, ...]] = ()
    optional_secrets: ClassVar[tuple[str, ...]] = ()

    timeout_seconds: float = Field(10.0, gt=0, le=20)
    messages_per_second: float = Field(1.0, gt=0, le=1000, description="its pace")
    dead_letter_after_days: float = Field(7.0, gt=0, le=365, description="how long a message is tried")
    link: str | None = Field(
        None, pattern=r"^https?://", max_length=500, description="page of an account; {account_id} is filled in"
    )

    @model_validator(mode="after")
    def _one_source_each(self) -> "_Receiver":
        for secret in (*self.secrets, *self.optional_secrets):
            given = [name for name in (f"{secret}_env", f"{secret}_file") if getattr(self, name) is not None]
            if len(given) == 2 or (secret in self.secrets and not given):
                raise ValueError(f"expected either {secret}_env (an environment variable) or {secret}_file (a file)")
        return self


EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,100}$")]


class SlackWebhookSettings(_Receiver):
    """A Slack incoming webhook: its address is the secret."""

    secrets: ClassVar = ("url",)

    type: Literal["slack_webhook"]
    url_env: EnvName | None = None
    url_file: Path | None = None
    allowed_hosts: tuple[str, ...] = ("hooks.slack.com",)
    allow_insecure_loopback: bool = Field(False, description="accept http:// on this machine, for a stand-in")


class SlackBotSettings(_Receiver):
    """A Slack app with a bot token: one message an episode, changed and answered in its thread; buttons."""

    secrets: ClassVar = ("token",)
    optional_secrets: ClassVar = ("signing_secret",)

    type: Literal["slack_bot"]
    token_env: EnvName | None = None
    token_file: Path | None = None
    signing_secret_env: EnvName | None = None
    signing_secret_file: Path | None = None
    channel: str = Field(pattern=r"^[CDG][A-Z0-9]{2,20}$", description="the channel's id, such as C0123ABCD")
    mentions: dict[str, Annotated[str, Field(pattern=r"^[UWS][A-Z0-9]{2,20}$")]] = Field(
        {}, description="owner, as in the account feed, to the member id to mention"
    )
    api_url: str = "https://slack.com/api/"

    @field_validator("api_url")
    @classmethod
    def _https(cls, url: str) -> str:
        return web_address(url, insecure=False)


class WebhookSettings(_Receiver):
    """Any HTTP endpoint: the notice as JSON, signed."""

    secrets: ClassVar = ("secret",)
    optional_secrets: ClassVar = ("url",)

    type: Literal["webhook"]
    url: str | None = Field(None, description="where no part of it is secret; else url_env or url_file")
    url_env: EnvName | None = None
    url_file: Path | None = None
    secret_env: EnvName | None = None
    secret_file: Path | None = None
    allow_http: bool = Field(False, description="accept http:// beyond this machine: who listens there reads along")

    @model_validator(mode="after")
    def _an_address(self) -> "WebhookSettings":
        given = [value for value in (self.url, self.url_env, self.url_file) if value is not None]
        if len(given) != 1:
            raise ValueError("expected one of url, url_env (an environment variable), url_file (a file)")
        if self.url is not None:
            web_address(self.url, insecure=self.allow_http)
        return self


class AlertmanagerSettings(_Receiver):
    """Prometheus Alertmanager, API v2."""

    optional_secrets: ClassVar = ("password", "token")

    type: Literal["alertmanager"]
    url: str = Field(description="its base, as http://alertmanager:9093")
    username: str | None = None
    password_env: EnvName | None = None
    password_file: Path | None = None
    token_env: EnvName | None = None
    token_file: Path | None = None
    resend_seconds: float = Field(60.0, ge=1, le=3600, description="open alerts are sent again this often")
    labels: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = {}

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        return web_address(url, insecure=True)


class PagerDutySettings(_Receiver):
    """PagerDuty Events API v2."""

    secrets: ClassVar = ("routing_key",)

    type: Literal["pagerduty"]
    routing_key_env: EnvName | None = None
    routing_key_file: Path | None = None
    url: str = "https://events.pagerduty.com/v2/enqueue"

    @field_validator("url")
    @classmethod
    def _https(cls, url: str) -> str:
        return web_address(url, insecure=False)


Address = Annotated[str, Field(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$", max_length=254)]


class EmailSettings(_Receiver):
    """E-mail over SMTP."""

    optional_secrets: ClassVar = ("password",)

    type: Literal["email"]
    host: str = Field(min_length=1)
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="none: on this machine only")
    ca_file: Path | None = Field(None, description="certificates to trust; the system's without it")
    username: str | None = None
    password_env: EnvName | None = None
    password_file: Path | None = None
    sender: Address = Field(alias="from")
    to: tuple[Address, ...] = Field(min_length=1, max_length=50)
    owners: dict[str, Address] = Field(
        {}, max_length=10_000, description="by owner: who gets what is about their accounts, in the place of `to`"
    )

    @model_validator(mode="after")
    def _encrypted(self) -> "EmailSettings":
        if self.security == "none" and self.host not in LOOPBACK_HOSTS:
            raise ValueError("security none is for this machine only; expected starttls or tls")
        if self.username is not None and self.password_env is None and self.password_file is None:
            raise ValueError("a username needs password_env or password_file")
        return self


ReceiverSettings = Annotated[
    SlackWebhookSettings
    | SlackBotSettings
    | WebhookSettings
    | AlertmanagerSettings
    | PagerDutySettings
    | EmailSettings,
    Field(discriminator="type"),
]


def web_address(url: str, *, insecure: bool) -> str:
    """An address that may be written in a file; http:// only to this machine, unless `insecure`.

    Raises:
        ValueError: it is not, or it holds what looks like a secret; the message does not repeat it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address such as https://host/path")
    if parts.scheme == "http" and not insecure and parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError("expected an https:// address")
    if parts.username is not None or parts.password is not None or parts.query:
        raise ValueError("it holds a user, a password or a query, so maybe a secret: these have settings of their own")
    return url
