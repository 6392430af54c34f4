"""What an operator may set for the portfolio. Read with `stream.config.settings.load(PortfolioSettings)`."""

from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from consumers.board.settings import BoardOptions
from consumers.portfolio.subscription_history import Rules
from stream.calendar.names import ZoneName
from stream.config.logs import LogSettings
from stream.config.settings import ProcessSettings, ProductSettings


class PortfolioOptions(BaseModel):
    """The company's rules, and the process."""

    model_config = ConfigDict(extra="forbid")

    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$", description="the company's; figures are in it")
    timezone: ZoneName = Field("UTC", description="in which the company's days, months and quarters lie")
    grace_days: int | None = Field(
        30, ge=0, le=365, description="a renewal so late still renews; then it is churn. Null: nothing ends unsaid"
    )
    saved_after_days: int = Field(90, ge=1, le=730, description="who lives so long after a request to cancel is saved")
    pause_is_churn: bool = Field(False, description="whether a customer who pauses everything is gone until it resumes")
    gross_margin_ratio: float = Field(0.8, gt=0, le=1, description="of revenue; for the lifetime value")
    file: Path = Field(Path("portfolio.duckdb"), description="may be deleted: it is derived again from Kafka")
    host: str = Field("127.0.0.1", min_length=1, description="beyond this machine the board's tokens are asked for")
    port: int = Field(8070, ge=0, le=65535, description="0: any free port")
    threads: int = Field(2, ge=1, le=64, description="of DuckDB")
    metrics_host: str = Field("127.0.0.1", description="where Prometheus may scrape it")
    metrics_port: int | None = Field(9105, ge=0, le=65535, description="0: any free port; null: no metrics")

    @property
    def rules(self) -> Rules:
        """How the ledger is read."""
        return Rules(
            zone=ZoneInfo(self.timezone),
            currency=self.currency,
            grace_days=self.grace_days,
            saved_after_days=self.saved_after_days,
            pause_is_churn=self.pause_is_churn,
        )


class PortfolioSettings(ProcessSettings):
    """Everything that the portfolio may be told."""

    product: ProductSettings = ProductSettings()
    board: BoardOptions = BoardOptions()
    portfolio: PortfolioOptions = PortfolioOptions()
    logs: LogSettings = LogSettings()
