"""The token by which Heartline signs in at Kafka with OAUTHBEARER: read from a file, or asked of an identity provider.

A token is kept until four fifths of its life are over, so that several connections ask once.
"""

import base64
import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from stream.config.settings import KafkaSettings
from stream.contracts.errors import ConfigError

TIMEOUT_SECONDS: Final = 10.0
KEPT_RATIO: Final = 0.8
ANSWER_BYTES_MAX: Final = 64 << 10


class BearerToken:
    """Where tokens come from; any thread may ask.

    Args:
        file: a token that something else renews, as Kubernetes does; None: it is asked for.
        url: of the identity provider's token endpoint.
        client_id, client_secret, scope: of OAuth's client credentials.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        file: Path | None,
        url: str | None = None,
        client_id: str | None = None,
        client_secret: SecretStr | None = None,
        scope: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file, self._url, self._scope, self._clock = file, url, scope, clock
        self._client_id, self._client_secret = client_id or "", client_secret
        self._lock = threading.Lock()
        self._kept: tuple[str, float] | None = None  # the token, and until when it may be used

    def get(self) -> str:
        """A token that is valid.

        Raises:
            ConfigError: there is none to be had; the message names no secret.
        """
        with self._lock:
            if self._file is not None:
                return self._read(self._file)
            if self._kept is None or self._clock() >= self._kept[1]:
                self._kept = self._asked()
            return self._kept[0]

    def _read(self, file: Path) -> str:
        try:
            return file.read_text("utf-8").strip()
        except OSError as error:
            raise ConfigError(f"kafka.sasl_token_file = {file}: {error.strerror}; expected a token in it") from None

    def _asked(self) -> tuple[str, float]:
        assert self._url is not None  # the settings see to it
        secret = self._client_secret.get_secret_value() if self._client_secret is not None else ""
        pair = f"{urllib.parse.quote(self._client_id, safe='')}:{urllib.parse.quote(secret, safe='')}"
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        request = urllib.request.Request(  # noqa: S310 - the settings accept https, and http to this machine
            self._url,
            urllib.parse.urlencode(form).encode(),
            {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "Accept": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                token_response: Any = json.loads(answer.read(ANSWER_BYTES_MAX))
            token, seconds = str(token_response["access_token"]), float(token_response.get("expires_in", 60))
        except (OSError, ValueError, KeyError, TypeError) as error:
            where = urllib.parse.urlsplit(self._url).hostname
            raise ConfigError(
                f"kafka.sasl_token_url: {where} gave no token ({type(error).__name__}); check the address, "
                "kafka.sasl_username (the client's id) and kafka.sasl_password (its secret)"
            ) from None
        return token, self._clock() + seconds * KEPT_RATIO


def bearer_token_of(kafka: KafkaSettings) -> BearerToken:
    """Where tokens come from by the settings, with OAUTHBEARER."""
    return BearerToken(
        kafka.sasl_token_file, kafka.sasl_token_url, kafka.sasl_username, kafka.sasl_password, kafka.sasl_token_scope
    )
