"""What an operator may set for the alerting process. Read with `stream.config.settings.load(AlertingSettings)`."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

from consumers.redis_client import RedisSettings
from stream.calendar.calendars import CalendarsSettings
from stream.config.settings import ProcessSettings

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class AlertingOptions(BaseModel):
    """The alerting process itself."""

    model_config = ConfigDict(extra="forbid")

    clock: Literal["wall", "event"] = Field("wall", description="wall: live; event: a replay, `now` is the report's")
    config: Path | None = Field(None, description="YAML file of rules and all that follows; the shipped one without it")
    group_id: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,200}$", description="empty: <topic_prefix><app_id>-alerting")
    batch_records_max: int = Field(500, ge=1, le=10_000, description="health reports that are evaluated together")
    session_timeout_seconds: float = Field(
        30.0, ge=6, le=300, description="after so long without a heartbeat another process takes over"
    )
    metrics_host: str = Field("127.0.0.1", description="where Prometheus may scrape it")
    metrics_port: int | None = Field(9102, ge=0, le=65535, description="0: any free port; null: no metrics")
    traces_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="where a trace of each notification goes, by OTLP over HTTP, as http://collector:4318/v1/traces; "
        "needs the extra `otel`; null: nowhere",
    )
    actions_host: str = Field("127.0.0.1", description="where Slack's buttons are answered, behind a proxy with TLS")
    actions_port: int = Field(9103, ge=0, le=65535, description="0: any free port")
    worst_n: int = Field(50, ge=0, le=1000, description="how many of the least healthy accounts get a gauge each")
    pinned_accounts: list[str] = Field([], max_length=1000, description="accounts that always get one")
    segments_max: int = Field(20, ge=0, le=200, description="segments with gauges of their own; the rest is `other`")


def checked_webhook_url(url: SecretStr, allowed_hosts: Collection[str], allow_insecure_loopback: bool) -> SecretStr:
    """A webhook's address, if it may be used.

    Raises:
        ValueError: it is not https to an allowed host; the message does not repeat it.
    """
    parts = urlsplit(url.get_secret_value())
    host = parts.hostname or ""
    if allow_insecure_loopback and parts.scheme in ("http", "https") and host in LOOPBACK_HOSTS:
        return url
    if parts.scheme != "https":
        raise ValueError("expected an https:// address")
    if host not in allowed_hosts:
        raise ValueError("its host is not in allowed_hosts; add it there if you trust it")
    return url


class SlackSettings(BaseModel):
    """Where red flags are told."""

    model_config = ConfigDict(extra="forbid")

    allowed_hosts: list[str] = Field(["hooks.slack.com"], description="hosts that a webhook may be on")
    allow_insecure_loopback: bool = Field(False, description="accept http:// on this machine, for a stand-in")
    webhook_url: SecretStr | None = Field(
        None, validate_default=False, description="of one channel; the receiver `slack` of the alerting configuration"
    )
    timeout_seconds: float = Field(10.0, gt=0, le=60, description="of one message to Slack")
    messages_per_second: float = Field(1.0, gt=0, le=1000, description="Slack allows about 1 a second and channel")
    dead_letter_after_days: float = Field(
        7.0, gt=0, le=365, description="how long a message is tried again before it is given up, and kept for a person"
    )

    @field_validator("webhook_url")
    @classmethod
    def _known_host(cls, webhook_url: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Only https to an allowed host: a setting must not turn the process into a way into the network behind it."""
        if webhook_url is None:
            return None
        allowed = info.data.get("allowed_hosts", ())
        return checked_webhook_url(webhook_url, allowed, bool(info.data.get("allow_insecure_loopback")))


class BoardAddress(BaseModel):
    """What alerting knows of the board: where people reach it. The rest of the section is the board's own."""

    model_config = ConfigDict(extra="ignore")

    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s<>|]+$",
        max_length=500,
        description="where people reach the board: messages link to its accounts; null: they do not",
    )


class AlertingSettings(ProcessSettings):
    """Everything that the alerting process may be told."""

    redis: RedisSettings = RedisSettings()
    alerting: AlertingOptions = AlertingOptions()
    slack: SlackSettings = SlackSettings()
    board: BoardAddress = BoardAddress()
    calendar: CalendarsSettings = CalendarsSettings()

    @model_validator(mode="after")
    def _keys_of_this_installation(self) -> Self:
        if not self.redis.key_prefix:
            self.redis = self.redis.model_copy(update={"key_prefix": f"{self.kafka.installation}:"})
        return self

    @property
    def group_id(self) -> str:
        """The consumer group."""
        return self.alerting.group_id or f"{self.kafka.installation}-alerting"
