"""The address of an account's page, where an installation has one."""

from urllib.parse import quote

from alerts.notice import Notice


def page_of(notice: Notice, link: str | None) -> str | None:
    """The page of the notice's account; None without a link or an account.

    Args:
        notice: about an account, or about none.
        link: the address with {account_id} in it.
    """
    if link is None or notice.account_id is None:
        return None
    return link.replace("{account_id}", quote(notice.account_id, safe=""))
