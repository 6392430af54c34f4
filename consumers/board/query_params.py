"""What a request asks for, read from its query: the same for pages and API."""

from typing import Annotated, Final, get_args

from fastapi import Depends, Query

from consumers.board.account_index import AccountQuery, SortKey
from stream.contracts.report import BANDS, Band

SEARCH_CHARS: Final = 200
SORTS: Final[tuple[SortKey, ...]] = get_args(SortKey)


def account_query(
    search: Annotated[str, Query(max_length=SEARCH_CHARS, description="Words in name, id, owner or segment.")] = "",
    band: Annotated[list[str], Query(description="Only these bands.")] = [],  # noqa: B006 - FastAPI copies it
    segment: Annotated[str, Query(description="Only this segment; `none`: without one.")] = "",
    owner: Annotated[str, Query(description="Only this owner's; `none`: without one.")] = "",
    sort: Annotated[str, Query(description="health, movement, name, renewal or mrr.")] = "health",
    reverse: Annotated[bool, Query(description="The other way round.")] = False,
) -> AccountQuery:
    """The query; words that mean nothing are passed over, so that an old bookmark still opens."""
    bands: list[Band] = [known for known in BANDS if known in band]
    key: SortKey = next((known for known in SORTS if known == sort), "health")
    return AccountQuery(search.strip(), frozenset(bands), segment or None, owner or None, key, reverse)


AccountQueryParams = Annotated[AccountQuery, Depends(account_query)]
