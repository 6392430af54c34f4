"""What an operator may set, where it is read from, and the one message that a wrong value gets.

Order of precedence: environment variables (HEARTLINE_<SECTION>__<NAME>, or the two everyday names
KAFKA_BOOTSTRAP_SERVERS and REDIS_URL), then the YAML file named by HEARTLINE_CONFIG, then the defaults here.
"""

import os
import ssl
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError
from yaml.nodes import MappingNode

from stream.calendar.calendars import CalendarsSettings
from stream.config.located import Loc, loc_of, near, note_mistake, told_plainly
from stream.config.logs import LogSettings
from stream.config.redact import remember_secrets, secrets_in
from stream.config.yaml_source import YamlNode, plain, read_document
from stream.contracts.errors import ConfigError
from stream.kinds.feeds import FeedSettings
from stream.kinds.registry import KINDS as EVENT_KINDS
from stream.kinds.subscription import COMMERCIAL, COMMERCIAL_STEPS
from stream.topics import DEFAULT_PARTITIONS, STALE_AFTER_DAYS, Kind, Source, Topics

# One file serves every process, so each ignores the others' sections; a name that none of them has is a slip.
SECTIONS: Final = (
    "alerting",
    "aliases",
    "board",
    "calendar",
    "feeds",
    "intake",
    "kafka",
    "logs",
    "portfolio",
    "product",
    "redis",
    "schema_registry",
    "scorecards",
    "slack",
    "worker",
)


_SAFE_ADDRESSES: Final = ("https://", "http://127.0.0.1", "http://localhost")


class KafkaSettings(BaseModel):
    """How to reach Kafka, and what the topics are called."""

    model_config = ConfigDict(extra="forbid")

    bootstrap_servers: str = Field("localhost:9092", min_length=3, description="host:port, several joined by commas")
    topic_prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,100}$",
        description="before every topic's name: several can share a cluster",
    )
    app_id: str = Field(
        "heartline",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="names the groups, and the worker's own topics",
    )
    partitions: int = Field(
        DEFAULT_PARTITIONS, ge=1, le=1000, description="of every topic; fixed once there is data: accounts live by it"
    )
    replication_factor: int = Field(1, ge=1, le=10, description="of topics that are created; 3 in production")
    create_topics: bool = Field(True, description="create missing topics at start; off where an operator makes them")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = Field(
        "PLAINTEXT",
        description="how the brokers are spoken to; with SASL_PLAINTEXT a password travels for everybody to read, so "
        "only on a network that is yours alone",
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "SCRAM-SHA-512", description="how one proves who one is, with SASL_SSL or SASL_PLAINTEXT"
    )
    sasl_username: str | None = Field(None, description="with SASL; with OAUTHBEARER the client's id")
    sasl_password: SecretStr | None = Field(None, description="with SASL; with OAUTHBEARER the client's secret")
    sasl_token_file: Path | None = Field(
        None, description="with OAUTHBEARER: a file with a token that something else renews"
    )
    sasl_token_url: str | None = Field(
        None,
        pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])",
        description="with OAUTHBEARER and no file: where a token is asked for by the client's id and secret",
    )
    sasl_token_scope: str | None = Field(None, description="of such a token")
    ssl_ca_file: Path | None = Field(None, description="of the authority that signed the brokers'; null: the system's")
    ssl_cert_file: Path | None = Field(None, description="our own certificate, where brokers ask for one (mTLS)")
    ssl_key_file: Path | None = Field(None, description="its key; null: in the certificate's file")
    ssl_key_password: SecretStr | None = Field(None, description="of an encrypted key")
    _own_topics: tuple[tuple[str, Kind], ...] = PrivateAttr(())  # of the feeds, which have a section of their own

    @model_validator(mode="after")
    def _a_way_to_a_token(self) -> Self:
        needs_token = self.uses_sasl and self.sasl_mechanism == "OAUTHBEARER"
        if needs_token and (self.sasl_token_file is None) == (self.sasl_token_url is None):
            raise ValueError("sasl_mechanism OAUTHBEARER: expected either sasl_token_file or sasl_token_url")
        return self

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether a name is proved by SASL."""
        return self.security_protocol in ("SASL_SSL", "SASL_PLAINTEXT")

    def ssl_context(self) -> ssl.SSLContext | None:
        """TLS that verifies the brokers' certificate and name, with our own certificate; None on plain connections.

        Raises:
            ConfigError: a file can't be read, or is no certificate or key.
        """
        if not self.uses_tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ssl_ca_file)
            if self.ssl_cert_file is not None:
                password = self.ssl_key_password.get_secret_value() if self.ssl_key_password is not None else ""
                context.load_cert_chain(self.ssl_cert_file, self.ssl_key_file, lambda: password)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"kafka.ssl_ca_file = {self.ssl_ca_file}, kafka.ssl_cert_file = {self.ssl_cert_file}, "
                f"kafka.ssl_key_file = {self.ssl_key_file}: {error.strerror or error}; expected PEM files, and the "
                "key's password where it has one"
            ) from None
        return context

    @property
    def installation(self) -> str:
        """What sets this installation apart from others on the cluster: its consumer group, and the start of its ids.

        Two installations that differ in their prefix alone would otherwise fence each other, and share offsets.
        """
        return self.topic_prefix + self.app_id

    def reading(self, own: tuple[tuple[str, Kind], ...]) -> "KafkaSettings":
        """The same with topics of the installation's own among the inputs."""
        copy = self.model_copy()
        copy._own_topics = own  # noqa: SLF001 - of this class
        return copy

    @property
    def topics(self) -> Topics:
        """The topic names under this prefix and application id."""
        return Topics(self.topic_prefix, self.app_id, self._own_topics)


class WorkerSettings(BaseModel):
    """The stream worker."""

    model_config = ConfigDict(extra="forbid")

    clock: Literal["wall", "event"] = Field("wall", description="wall: live; event: replay history on its own clock")
    checkpoint_interval_seconds: float = Field(
        1.0, gt=0, le=60, description="how often states and reports are committed, and so published"
    )
    scan_interval_seconds: float = Field(3600.0, ge=1, description="how often silent accounts are evaluated again")
    session_timeout_seconds: float = Field(
        30.0, ge=6, le=300, description="after so long without a heartbeat another worker takes over"
    )
    group_instance_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="static membership: this worker's own name, kept over restarts; then a restart within the session "
        "time-out moves no partition. Null: none",
    )
    rebalance_timeout_seconds: float = Field(
        60.0,
        ge=6,
        le=600,
        description="how long workers may take to hand over and load states",
    )
    stale_after_days: dict[Source, Annotated[float, Field(gt=0)]] = Field(
        dict(STALE_AFTER_DAYS), description="source to the days without any account's event after which it is stale"
    )
    chunk_bytes_max: int = Field(4 << 20, ge=1 << 14, le=64 << 20, description="of one fetch of one partition")
    in_flight_bytes_max: int = Field(
        64 << 20, ge=1 << 20, le=4 << 30, description="of what is fetched and not yet folded, over all topics"
    )
    hot_accounts_max: int = Field(
        200_000,
        ge=1,
        description="accounts kept as objects in memory; the others are kept encoded, in a tenth of it, or in `store`",
    )
    store: str = Field(
        "memory",
        min_length=1,
        description="memory, or a folder on a local disk for copies of the changelog: a restart then reads only what "
        "came after them, and the states of accounts that are not hot are there and not in memory",
    )
    metrics_host: str = Field("127.0.0.1", description="where Prometheus may scrape it")
    alive_url: SecretStr | None = Field(
        None,
        description="an address (https://) that is asked every minute while the worker is well: a dead man's switch; "
        "null: none",
    )
    metrics_port: int | None = Field(9101, ge=0, le=65535, description="0: any free port; null: no metrics")

    @field_validator("alive_url")
    @classmethod
    def _by_https(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(_SAFE_ADDRESSES):
            raise ValueError("expected an https:// address")
        return url


class AliasSettings(BaseModel):
    """Ids of other tools that are no account's own."""

    model_config = ConfigDict(extra="forbid")

    tools: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]] = Field(
        ["chargebee", "hubspot", "intercom", "jira", "stripe", "zendesk"],
        description="an account_id that begins with one of these and a colon, as zendesk:360001, is that tool's id for "
        "an account: its events wait until an account names it in `aliases`. Empty: such ids are accounts of their own",
    )


class SchemaRegistrySettings(BaseModel):
    """Where the schemas of topics lie whose records are framed for a Schema Registry."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(None, pattern=r"^https?://", description="its address; null: none. Needs the extra avro")
    username: str | None = Field(None, description="for HTTP Basic")
    password: SecretStr | None = Field(None, description="for HTTP Basic")

    @field_validator("url")
    @classmethod
    def _without_secrets(cls, url: str | None) -> str | None:
        if url is not None and "@" in url:
            raise ValueError("expected an address without a name and a password; these have settings of their own")
        return url


class EngagementWeights(BaseModel):
    """What each part of the engagement score is worth, against the others; 0 leaves it out."""

    model_config = ConfigDict(extra="forbid")

    license_utilization: float = Field(30, ge=0, le=1000, description="users of the seats that are paid for")
    frequency_30d: float = Field(30, ge=0, le=1000, description="days on which a user comes")
    depth: float = Field(25, ge=0, le=1000, description="core features in use")
    session_minutes: float = Field(15, ge=0, le=1000, description="length of a session")

    @model_validator(mode="after")
    def _two_count(self) -> Self:
        if sum(weight > 0 for weight in self.model_dump().values()) < 2:
            raise ValueError("expected at least two parts with a weight above 0; one alone is no mix")
        return self


class ProductSettings(BaseModel):
    """What Heartline should know of the product that is being used."""

    model_config = ConfigDict(extra="forbid")

    core_features: list[str] = Field([], description="the catalogue behind depth; empty: depth is unknown")
    key_actions: list[str] = Field([], description="features whose first use is the customer's first value")
    milestones: list[str] = Field(
        [],
        description="features in the order in which an account comes to use them; beside them commercial steps: "
        + ", ".join(COMMERCIAL_STEPS),
    )
    launches: dict[str, date] = Field({}, description="features to the day of their launch, as 2026-03-01")
    follow_up_days: float | None = Field(
        None,
        gt=0,
        le=90,
        description="how soon a promoter's or detractor's answer is to be followed up by a touchpoint; null: within 2 "
        "days, in accounts that have touchpoints",
    )
    engagement_weights: EngagementWeights | None = Field(None, description="null: 30, 30, 25 and 15")

    @field_validator("milestones", "core_features", "key_actions")
    @classmethod
    def _once(cls, names: list[str], info: ValidationInfo) -> list[str]:
        if repeated := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            positions = " and ".join(
                str(position) for position, name in enumerate(names, start=1) if name == repeated[0]
            )
            order = ", in its order (a milestone can't come before itself)" if info.field_name == "milestones" else ""
            raise ValueError(f"expected each feature once{order}; {repeated[0]!r} is at positions {positions}")
        return names

    @field_validator("milestones")
    @classmethod
    def _steps_that_there_are(cls, names: list[str]) -> list[str]:
        for position, name in enumerate(names, start=1):
            if name.startswith(COMMERCIAL) and name not in COMMERCIAL_STEPS:
                raise ValueError(
                    f"{name!r} at position {position}: expected a feature, or one of {', '.join(COMMERCIAL_STEPS)}"
                )
        return names

    @field_validator("milestones", "core_features", "key_actions")
    @classmethod
    def _named(cls, names: list[str]) -> list[str]:
        if "" in names:
            raise ValueError(f"expected names of features; position {names.index('') + 1} is empty")
        return names


class ProcessSettings(BaseSettings):
    """Where the settings of every process come from: the environment over the YAML file over the defaults."""

    model_config = SettingsConfigDict(
        env_prefix="HEARTLINE_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        env_parse_none_str="null",
        extra="ignore",
        nested_model_default_partial_update=True,
    )

    logs: LogSettings = LogSettings()
    kafka: KafkaSettings = KafkaSettings()
    feeds: dict[Kind, FeedSettings] = {}
    schema_registry: SchemaRegistrySettings = SchemaRegistrySettings()

    @model_validator(mode="after")
    def _topics_of_feeds(self) -> Self:
        """The feeds' own topics, each of one kind and none of Heartline's, are among the inputs.

        What a feed maps is a field of its kind's contract: a misspelt one would lose the fact without a word. Of an
        account any name may be meant, as a trait.
        """
        taken = {spec.name for spec in self.kafka.topics.specs()}
        own: dict[str, Kind] = {}
        for kind, feed in self.feeds.items():
            known = list(EVENT_KINDS[kind].contract.model_fields)
            for part in ("fields", "constants", "values"):
                for name in getattr(feed, part) if kind != "account" else ():
                    if name not in known:
                        message = f"no field of a {kind} event; {near(name, known)}"
                        at_field = ("feeds", kind, part, name)
                        raise PydanticCustomError("field", "{message}", {"message": message, "at": at_field})
            for at, name in enumerate(feed.topics):
                if name in own or name in taken:
                    at_feed = ("feeds", kind, "topics", at)
                    message = f"{name} is a topic of Heartline's, or of another feed; expected each once"
                    raise PydanticCustomError("topic", "{message}", {"message": message, "at": at_feed})
                own[name] = kind
        self.kafka = self.kafka.reading(tuple(own.items()))
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over init: what init brings is the YAML file, already read."""
        return env_settings, init_settings


class Settings(ProcessSettings):
    """Everything that the stream worker, and whoever shares its topics, may be told."""

    worker: WorkerSettings = WorkerSettings()
    aliases: AliasSettings = AliasSettings()
    product: ProductSettings = ProductSettings()
    calendar: CalendarsSettings = CalendarsSettings()
    scorecards: Path | None = Field(None, description="YAML file of scorecards; the shipped one without it")


# Environment variables as everyone calls them, and the settings that they stand for.
EVERYDAY_NAMES: Final = {
    "KAFKA_BOOTSTRAP_SERVERS": ("kafka", "bootstrap_servers"),
    "REDIS_URL": ("redis", "url"),
}

T = TypeVar("T", bound=ProcessSettings)


def load(cls: type[T], config_file: Path | None = None) -> T:
    """Read the settings of one process.

    Args:
        cls: the settings class, here or in another package.
        config_file: the YAML file; when None, the one named by HEARTLINE_CONFIG, if any.

    Raises:
        ConfigError: every mistake, with its line or environment variable, its value (never a secret's) and what is
            accepted.
    """
    if config_file is None and (named := os.environ.get("HEARTLINE_CONFIG")):
        config_file = Path(named)
    root = read_document(config_file, "configuration", None) if config_file is not None else None
    data = _sections(root) if root is not None else {}
    _everyday_names(data)
    _check_environment()
    try:
        settings = cls(**data)
    except ValidationError as error:
        raise ConfigError(_message(error, cls, root)) from None
    except SettingsError as error:
        raise ConfigError(f"wrong configuration in the environment: {error}; a section's value must be JSON") from None
    remember_secrets(secrets_in(settings))
    return settings


def _sections(root: YamlNode) -> dict[str, Any]:
    """The sections of the file.

    Raises:
        ConfigError: it is no mapping of sections that some process has.
    """
    if not isinstance(root.node, MappingNode):
        root.wrong(f"sections, as kafka or worker; there are {', '.join(SECTIONS)}")
        root.document.refuse()
    for name, section in root.mapping().items():
        if name not in SECTIONS:
            root.document.mistake(section.node, name, f": no process has such a section; {near(name, SECTIONS)}")
    data: dict[str, Any] = plain(root)
    root.document.refuse()
    return data


def _everyday_names(data: dict[str, Any]) -> None:
    """KAFKA_BOOTSTRAP_SERVERS and REDIS_URL, as everyone calls them, unless the long names are set."""
    for everyday, (section, name) in EVERYDAY_NAMES.items():
        if value := os.environ.get(everyday):
            part = data.setdefault(section, {})
            if isinstance(part, dict):
                part[name] = value


def _check_environment() -> None:
    """Refuse HEARTLINE_<SECTION>__<NAME> of a section that no process has: a slip must not leave a default in force.

    Raises:
        ConfigError: there is one.
    """
    for variable in sorted(os.environ):
        section, found, _ = variable.removeprefix("HEARTLINE_").lower().partition("__")
        if variable.startswith("HEARTLINE_") and found and section not in SECTIONS:
            raise ConfigError(
                f"wrong configuration in the environment: {variable}: no process has a section {section!r}; "
                f"{near(section, SECTIONS)}"
            )


def _message(error: ValidationError, cls: type[ProcessSettings], root: YamlNode | None) -> str:
    """Every mistake in one message: those of the file with their lines, those of the environment with their names."""
    lines = []
    for item in error.errors(include_url=False):
        variable = _variable_of(loc_of(item))
        if variable is not None or root is None:
            lines.append(f"{variable or 'default'}: {told_plainly(cls, item)}")
        else:
            note_mistake(root, cls, item)
    if root is not None and root.document.mistakes:
        try:
            root.document.refuse()
        except ConfigError as mistakes:
            return "\n  ".join([str(mistakes), *lines])
    return "wrong configuration in the environment:\n  " + "\n  ".join(lines)


def _variable_of(loc: Loc) -> str | None:
    """The environment variable that a value comes from; None: it comes from the file, or from nowhere."""
    names = [str(part).upper() for part in loc]
    for size in range(len(names), 0, -1):
        variable = "HEARTLINE_" + "__".join(names[:size])
        if os.environ.get(variable):
            return variable
    everyday = {path: name for name, path in EVERYDAY_NAMES.items()}.get((str(loc[0]), str(loc[-1])))
    return everyday if everyday is not None and os.environ.get(everyday) else None
