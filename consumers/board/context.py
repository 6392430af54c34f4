"""What the routes work with, and how a page is made of it."""

from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from consumers.board.knowledge import Knowledge
from consumers.board.live import Hub
from consumers.board.pipeline import LagWatch
from consumers.board.reading import FILTERS
from consumers.board.settings import BoardSettings


@dataclass(frozen=True)
class Board:
    """What the routes work with."""

    settings: BoardSettings
    knowledge: Knowledge
    hub: Hub
    lags: LagWatch
    templates: Environment

    def page(self, request: Request, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        """One page, complete."""
        person = request.state.person
        counts = self.knowledge.alerts.open_counts()
        common = {
            "person": person,
            "may_act": person is not None and person.may_act,
            "asks": self.settings.board.asks,
            "loaded": self.knowledge.feed.loaded.is_set(),
            "open_alerts": sum(counts.values()),
            "path": request.url.path,
        }
        return HTMLResponse(self.templates.get_template(template).render(common | values), status)


def board_of(request: Request) -> Board:
    """The board that a request is made to."""
    board: Board = request.app.state.board
    return board


def make_templates() -> Environment:
    """The templates, with everything that is put into them escaped."""
    environment = Environment(
        loader=PackageLoader("consumers.board"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment
