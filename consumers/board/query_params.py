"""What a request asks for, read from its query: the same for pages and API."""

from typing import Annotated, Final, get_args

from fastapi import Depends, Query

from alerts.model import SEVERITIES
from consumers.board.account_index import AccountQuery, SortKey
from consumers.board.inbox import STATES, AlertQuery
from stream.contracts.report import BANDS, Band

SEARCH_CHARS: Final = 256  # an id in full
SORTS: Final[tuple[SortKey, ...]] = get_args(SortKey)


def account_query(
    search: Annotated[str, Query(max_length=SEARCH_CHARS, description="Words in name, id, owner or segment.")] = "",
    band: Annotated[list[str], Query(description="Only these bands.")] = [],  # noqa: B006 - FastAPI copies it
    segment: Annotated[str, Query(description="Only this segment; `none`: without one.")] = "",
    owner: Annotated[str, Query(description="Only this owner's; `none`: without one.")] = "",
    renewal_days: Annotated[int | None, Query(ge=0, le=3650, description="Only renewals within so many days.")] = None,
    flagged: Annotated[bool, Query(description="Only accounts with an open alert.")] = False,
    sort: Annotated[str, Query(description="health, movement, name, renewal or mrr.")] = "health",
    reverse: Annotated[bool, Query(description="The other way round.")] = False,
) -> AccountQuery:
    """The query; words that mean nothing are passed over, so that an old bookmark still opens."""
    bands: list[Band] = [known for known in BANDS if known in band]
    key: SortKey = next((known for known in SORTS if known == sort), "health")
    return AccountQuery(
        search.strip(), frozenset(bands), segment or None, owner or None, renewal_days, flagged, key, reverse
    )


AccountQueryParams = Annotated[AccountQuery, Depends(account_query)]


def alert_query(
    search: Annotated[str, Query(max_length=SEARCH_CHARS, description="Words in the account or the headline.")] = "",
    owner: Annotated[str, Query(description="Only this owner's; `none`: without one.")] = "",
    state: Annotated[str, Query(description="unassigned, acknowledged or snoozed.")] = "",
    severity: Annotated[str, Query(description="warning or critical.")] = "",
    segment: Annotated[str, Query(description="Only this segment; `none`: without one.")] = "",
) -> AlertQuery:
    """The query; words that mean nothing are passed over, so that an old bookmark still opens."""
    known_state = next((known for known in STATES if known == state), None)
    known_severity = next((known for known in SEVERITIES if known == severity), None)
    return AlertQuery(search.strip(), owner or None, known_state, known_severity, segment or None)


AlertQueryParams = Annotated[AlertQuery, Depends(alert_query)]
