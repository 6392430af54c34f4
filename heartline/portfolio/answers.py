"""Who answers the command line: the ledger of some files, or the portfolio's process, asked over HTTP."""

import json
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any, Final, Protocol, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from consumers.portfolio.adoption import BandOutcome, FeatureRetention, FeatureUse, LaunchStay, LaunchUptake
from consumers.portfolio.days import Period, day_number
from consumers.portfolio.figures import Figure, FigureError
from consumers.portfolio.lifetime import shape_of
from consumers.portfolio.money import minor_digits
from consumers.portfolio.play_effects import PlayEffect
from consumers.portfolio.query import FigureValue, Part
from consumers.portfolio.renewals import BandRecord, ComingRenewal
from consumers.portfolio.restatements import Restatement
from consumers.portfolio.service import FeatureAnswers, PortfolioService
from consumers.portfolio.settings import PortfolioSettings
from consumers.portfolio.store import Store
from consumers.portfolio.usage_drops import UsageDrop
from heartline.errors import FileError

TIMEOUT_SECONDS: Final = 120.0
_DAYS: Final = frozenset({"end_day", "fell_day", "back_day", "effective_day"})  # day numbers here, dates in JSON

T = TypeVar("T")


class Answers(Protocol):
    """What both know."""

    def today(self) -> date:
        """The last day that is known."""
        ...

    def figures(
        self, ids: list[str] | None, periods: list[Period], by: str | None = None, as_known: date | None = None
    ) -> list[tuple[Figure, FigureValue]]:
        """Figures of periods, by group."""
        ...

    def explain(
        self, id_: str, period: Period, by: str | None = None, group: str | None = None, as_known: date | None = None
    ) -> list[Part]:
        """The accounts behind one."""
        ...

    def renewals(self, ahead_days: int) -> tuple[list[ComingRenewal], list[BandRecord]]:
        """Terms that end soon, and each band's record."""
        ...

    def arr_at_risk(self) -> int:
        """Revenue of customers at risk or critical today, in minor units."""
        ...

    def bands(self) -> list[BandOutcome]:
        """How customers of each band fared."""
        ...

    def features(self) -> FeatureAnswers:
        """Everything about features."""
        ...

    def usage_drops(self) -> list[UsageDrop]:
        """Falls of use that came back."""
        ...

    def play_effects(self) -> list[PlayEffect]:
        """Plays against comparable accounts."""
        ...

    def restatements(self, period: Period) -> list[Restatement]:
        """What came late and changed a period."""
        ...

    def parquet(self, table: str) -> bytes:
        """One derived table as a Parquet file."""
        ...


class FileAnswers(PortfolioService):
    """Of a ledger in memory, whose last day is that of its newest event.

    Args:
        settings: the company's rules and launches.
        store: the ledger.
        last_day: of it.
    """

    def __init__(self, settings: PortfolioSettings, store: Store, last_day: date) -> None:
        super().__init__(settings.portfolio, store, None, settings.product.launches)
        self._last_day = last_day

    def today(self) -> date:
        """The last day that is known."""
        return self._last_day


class ServerAnswers:
    """Of the portfolio's process.

    Args:
        url: where it is.
        settings: the company's currency, and the board's token, which lets in.
    """

    def __init__(self, url: str, settings: PortfolioSettings) -> None:
        self._url = url.rstrip("/")
        self._scale = 10 ** minor_digits(settings.portfolio.currency)
        board = settings.board
        token = board.read_token or board.token
        self._token = None if token is None else token.get_secret_value()

    def today(self) -> date:
        """Today, where the process has it."""
        return date.fromisoformat(self._ask("figures", figure="arr")["until"])

    def figures(
        self, ids: list[str] | None, periods: list[Period], by: str | None = None, as_known: date | None = None
    ) -> list[tuple[Figure, FigureValue]]:
        """Figures of periods, by group."""
        period = f"{periods[0].name}..{periods[-1].name}" if len(periods) > 1 else periods[0].name
        answer = self._ask("figures", figure=ids, period=period, by=by, as_known=as_known)
        return [(shape_of(row["figure"]), self._value(row)) for row in answer["figures"]]

    def explain(
        self, id_: str, period: Period, by: str | None = None, group: str | None = None, as_known: date | None = None
    ) -> list[Part]:
        """The accounts behind one."""
        rows = self._ask("accounts", figure=id_, period=period.name, by=by, group=group, as_known=as_known)
        return [Part(*(row[name] for name in _PART)) for row in rows]

    def renewals(self, ahead_days: int) -> tuple[list[ComingRenewal], list[BandRecord]]:
        """Terms that end soon, and each band's record."""
        answer = self._ask("renewals", days=ahead_days)
        return _made(ComingRenewal, answer["renewals"]), _made(BandRecord, answer["bands"])

    def arr_at_risk(self) -> int:
        """Revenue of customers at risk or critical today, in minor units."""
        return int(self._ask("renewals")["arr_at_risk_minor"])

    def bands(self) -> list[BandOutcome]:
        """How customers of each band fared."""
        return _made(BandOutcome, self._ask("adoption")["bands"])

    def features(self) -> FeatureAnswers:
        """Everything about features."""
        answer = self._ask("adoption")
        return FeatureAnswers(
            _made(FeatureUse, answer["features"]),
            _made(FeatureRetention, answer["feature_retention"]),
            _made(LaunchUptake, answer["launches"]),
            _made(LaunchStay, answer["launch_stay"]),
        )

    def usage_drops(self) -> list[UsageDrop]:
        """Falls of use that came back."""
        return _made(UsageDrop, self._ask("usage-drops")["drops"])

    def play_effects(self) -> list[PlayEffect]:
        """Plays against comparable accounts."""
        return _made(PlayEffect, self._ask("play-effects"))

    def restatements(self, period: Period) -> list[Restatement]:
        """What came late and changed a period."""
        return _made(Restatement, self._ask("restatements", period=period.name))

    def parquet(self, table: str) -> bytes:
        """One derived table as a Parquet file."""
        return self._get(f"tables/{table}.parquet")

    def _value(self, row: dict[str, Any]) -> FigureValue:
        scale = self._scale if shape_of(row["figure"]).unit == "money" else 1
        value, low, high = (None if row[name] is None else row[name] * scale for name in ("value", "low", "high"))
        value = row.get("minor", value)
        key = row["figure"], row["period"], row["group"]
        return FigureValue(*key, value, row["numerator"], row["denominator"], row["n"], low, high, row["left_out"])

    def _ask(self, path: str, **asked: Any) -> Any:
        """The process's answer to a question, read.

        Raises: as `_get`, and FileError where it is no JSON.
        """
        try:
            return json.loads(self._get(path, **asked))
        except ValueError:
            raise FileError(f"{self._url}: no portfolio answers: {path} is no JSON") from None

    def _get(self, path: str, **asked: Any) -> bytes:
        """The process's answer.

        Raises:
            FigureError: it does not know what is asked for.
            FileError: it does not answer, or lets nobody in.
        """
        query = {key: value for key, value in asked.items() if value is not None}
        request = Request(f"{self._url}/api/v1/portfolio/{path}?{urlencode(query, doseq=True)}")  # noqa: S310 (given)
        if self._token is not None:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 (given by whoever calls)
                found: bytes = answer.read()
                return found
        except HTTPError as error:
            if error.code in (404, 422):
                raise FigureError(str(json.load(error)["detail"])) from None
            hint = "; set HEARTLINE_BOARD__READ_TOKEN" if error.code == 401 else ""
            raise FileError(f"{self._url}: answered {error.code} {error.reason}{hint}") from None
        except (URLError, OSError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise FileError(
                f"{self._url}: no portfolio answers ({reason}); start it with heartline portfolio serve, name another "
                "with --server, or give files of events"
            ) from None


_PART: Final = ("account_id", "name", "product", "group", "numerator", "denominator", "figure")


def _made(kind: type[T], rows: list[dict[str, Any]]) -> list[T]:
    """JSON objects as the rows that they were."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return [kind(**{name: _read(name, row[name]) for name in names}) for row in rows]


def _read(name: str, value: Any) -> Any:
    return day_number(date.fromisoformat(value)) if name in _DAYS and isinstance(value, str) else value


def newest_day(newest_ms: int, settings: PortfolioSettings) -> date:
    """The company's day of a moment."""
    return datetime.fromtimestamp(newest_ms / 1000, UTC).astimezone(settings.portfolio.rules.zone).date()
