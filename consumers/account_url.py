"""An account's id as one part of an address, whatever it holds: slashes, line ends, or dots that mean a folder."""

import re
from urllib.parse import quote

from starlette.convertors import Convertor, register_url_convertor

# Browsers take a part of dots alone for the folder above, however it is written; so one gets a letter of nobody's.
_NOT_A_FOLDER = "\ue000"


def url_part(account_id: str) -> str:
    """The part of an address that names an account.

    >>> url_part("acme/history"), url_part("a\\nb"), url_part("..")
    ('acme%2Fhistory', 'a%0Ab', '..%EE%80%80')
    """
    return quote(account_id + _NOT_A_FOLDER if account_id in (".", "..") else account_id, safe="")


class _AccountId(Convertor[str]):
    """The reverse; unlike Starlette's `path` it takes line ends, too."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return re.sub(rf"^(\.\.?){_NOT_A_FOLDER}$", r"\1", value)

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("account", _AccountId())
