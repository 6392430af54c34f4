"""What an operator may set for the intake. Read with `stream.config.settings.load(IntakeSettings)`."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from stream.config.settings import ProcessSettings
from stream.contracts.errors import ConfigError

KEY_CHARS_MIN = 16

VendorName = Literal["zendesk", "intercom", "hubspot", "jira", "delighted", "typeform", "stripe", "chargebee"]
VENDOR_NAMES: tuple[VendorName, ...] = get_args(VendorName)

WriteKey = Annotated[SecretStr, Field(min_length=KEY_CHARS_MIN)]


class VendorOptions(BaseModel):
    """One vendor whose webhooks are let in."""

    model_config = ConfigDict(extra="forbid")

    secret: SecretStr = Field(min_length=8, description="what the vendor signs with; for chargebee user:password")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="the address that the vendor calls, where a proxy changes it; hubspot signs it",
    )


class IntakeOptions(BaseModel):
    """The intake itself."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field("127.0.0.1", min_length=1, description="where it listens")
    port: int = Field(8060, ge=0, le=65535, description="0: any free port")
    write_keys: dict[str, WriteKey] = Field(
        {}, description="name to key: who may send events; the name stands in metrics, dead letters and the live tail"
    )
    vendors: dict[VendorName, VendorOptions] = Field({}, description="whose webhooks are let in at /webhooks/<vendor>")
    allowed_origins: list[str] = Field(
        ["*"], description="pages whose browsers may send; a write key in a page is public in any case"
    )
    body_bytes_max: int = Field(1 << 20, ge=1 << 10, le=64 << 20, description="of one request, unpacked")
    batch_events_max: int = Field(2_500, ge=1, le=100_000, description="events in one request")
    events_per_second_max: int = Field(0, ge=0, description="of one sender in the mean; 0: no limit")
    in_flight_bytes_max: int = Field(
        32 << 20, ge=1 << 20, le=1 << 30, description="what may wait for Kafka; beyond it the answer is 503"
    )
    connections_max: int = Field(1_000, ge=1, le=100_000, description="at once; beyond it the answer is 503")
    kafka_timeout_seconds: float = Field(20.0, gt=0, le=300, description="how long an answer waits for Kafka")
    metrics_host: str = Field("127.0.0.1", description="where Prometheus may scrape it")
    metrics_port: int | None = Field(9104, ge=0, le=65535, description="0: any free port; null: no metrics")


class IntakeSettings(ProcessSettings):
    """Everything that the intake may be told."""

    intake: IntakeOptions = IntakeOptions()


def check_entrances(intake: IntakeOptions) -> None:
    """Refuse to start where nobody could send anything.

    Raises:
        ConfigError: there is neither a write key nor a vendor's secret.
    """
    if not intake.write_keys and not intake.vendors:
        raise ConfigError(
            "intake.write_keys and intake.vendors are empty: nobody could send anything; set "
            'HEARTLINE_INTAKE__WRITE_KEYS=\'{"app": "<at least 16 characters>"}\', or a vendor\'s secret in the file'
        )
