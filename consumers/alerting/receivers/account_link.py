"""The address of an account's page, where an installation has one."""

from urllib.parse import quote

from alerts.notification import AlertNotification


def page_of(notification: AlertNotification, link: str | None) -> str | None:
    """The page of the notice's account; None without a link or an account.

    Args:
        notification: about an account, or about none.
        link: the address with {account_id} in it.
    """
    if link is None or notification.account_id is None:
        return None
    return link.replace("{account_id}", quote(notification.account_id, safe=""))
