"""What the board keeps secret: the token, and the key that signs cookies; generated where nobody has set them."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from consumers.board.settings import BoardOptions
from stream.config.redact import remember_secrets
from stream.contracts.errors import ConfigError

TOKEN_FILE: Final = "board-token"  # noqa: S105 - a file's name
COOKIE_KEY_FILE: Final = "board-cookie-key"


@dataclass(frozen=True)
class ServerSecrets:
    """The secrets of one board.

    Attributes:
        options: the settings, with a token where one was generated.
        cookie_key: signs the sessions.
        new_token: the token, if it was generated just now: whoever starts the board must be told, once.
    """

    options: BoardOptions
    cookie_key: str
    new_token: str | None


def make_secrets(options: BoardOptions) -> ServerSecrets:
    """Read or generate the secrets.

    With `secrets_dir` what is generated is kept there, so that a restart, or another board on the same folder, goes on
    with it. Without it no token is generated, and the cookies' key lives as long as the process.

    Raises:
        ConfigError: the folder can't be written.
    """
    new_token: str | None = None
    if options.secrets_dir is not None and not options.asks:
        token, is_new = _kept(options.secrets_dir / TOKEN_FILE)
        new_token = token if is_new else None
        options = options.model_copy(update={"token": SecretStr(token)})
    if options.cookie_key is not None:
        cookie_key = options.cookie_key.get_secret_value()
    elif options.secrets_dir is not None:
        cookie_key, _ = _kept(options.secrets_dir / COOKIE_KEY_FILE)
    else:
        cookie_key = secrets.token_urlsafe(32)
    remember_secrets([cookie_key])
    return ServerSecrets(options, cookie_key, new_token)


def _kept(path: Path) -> tuple[str, bool]:
    """A secret from its file, generated where there is none; whether it was."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text("ascii").strip(), False
        value = secrets.token_urlsafe(24)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(value + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"board.secrets_dir = {path.parent}: {path.name} can't be kept there ({error}); give the board a folder "
            "that it may write, or set HEARTLINE_BOARD__TOKEN and HEARTLINE_BOARD__COOKIE_KEY"
        ) from None
    return value, True
