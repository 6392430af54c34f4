"""What the routes work with, and how a page is made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from consumers.board.access_control import AccessControl
from consumers.board.alert_log import Episode
from consumers.board.command_service import CommandService
from consumers.board.current_alerts import CurrentAlerts
from consumers.board.live_updates import Hub
from consumers.board.login_limiter import LoginLimiter
from consumers.board.metrics import BoardMetrics
from consumers.board.pipeline_status import LagMonitor, pipeline_problems
from consumers.board.read_model import ReadModel
from consumers.board.recent_events import RecentEvents
from consumers.board.review_notices import ReviewNotices
from consumers.board.settings import BoardSettings
from consumers.board.template_filters import FILTERS
from consumers.confirmed_sender import ConfirmedSender

CURRENT_MAX: Final = 200  # alerts of a page that are evaluated anew
REFRESH_HEADER: Final = "Board-Refresh"  # set by board.js when a page, unasked, fetches itself again


@dataclass(frozen=True)
class Board:
    """What the routes work with."""

    settings: BoardSettings
    read_model: ReadModel
    hub: Hub
    lags: LagMonitor
    recent_events: RecentEvents
    commands: CommandService
    account_updates: ConfirmedSender
    reviews: ConfirmedSender
    review_notices: ReviewNotices
    current_alerts: CurrentAlerts
    templates: Environment
    access: AccessControl
    login_limiter: LoginLimiter
    metrics: BoardMetrics

    def as_of_now(self, episodes: Sequence[Episode]) -> list[Episode]:
        """Episodes with the words of now where they are open; of very many the first ones."""
        now = [replace(each, alert=self.current_alerts.current(each.alert)) for each in episodes[:CURRENT_MAX]]
        return [*now, *episodes[CURRENT_MAX:]]

    def me(self, request: Request) -> str:
        """The owner as whom the person looks at the board: the one they chose, else the one of their name; empty."""
        chosen = request.session.get("me")
        if chosen is not None:
            return str(chosen)
        person = request.state.person
        name = person.name.casefold() if person is not None else ""
        owners = (row.owner for row in self.read_model.accounts.rows() if row.owner)
        return next((owner for owner in owners if owner.casefold() == name), "")

    def page(self, request: Request, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        """One page, complete."""
        person = request.state.person
        counts = self.read_model.alerts.open_counts()
        common = {
            "person": person,
            "may_act": person is not None and person.may_act,
            "asks": self.settings.board.asks,
            "loaded": self.read_model.topic_reader.loaded.is_set(),
            "open_alerts": sum(counts.values()),
            "revenue_at_risk": self.read_model.accounts.at_risk(),
            "waiting_reviews": self.read_model.reviews.waiting,
            "problems": pipeline_problems(self.lags, self.read_model.alerts.pipeline_incident),
            "me": self.me(request),
            "portfolio_url": self.settings.board.portfolio_url,
            "path": request.url.path,
            "flash": "" if REFRESH_HEADER in request.headers else request.session.pop("flash", ""),
        }
        return HTMLResponse(self.templates.get_template(template).render(common | values), status)


def board_of(request: Request) -> Board:
    """The board that a request is made to."""
    board: Board = request.app.state.board
    return board


def make_templates(package: str = "consumers.board") -> Environment:
    """The templates of a package and the board's, with everything that is put into them escaped."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("consumers.board")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment
