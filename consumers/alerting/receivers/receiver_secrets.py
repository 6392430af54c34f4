"""The secrets of a receiver, read from the environment and from files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from stream.contracts.errors import ConfigError

SECRET_BYTES_MAX: Final = 4096


def read_secret(setting: str, source: str | Path | None, environ: Mapping[str, str]) -> SecretStr | None:
    """A secret; None when the settings name no source for it.

    Args:
        setting: what to call it in errors.
        source: an environment variable, or a file.
        environ: the environment.

    Raises:
        ConfigError: it is not there, or empty.
    """
    if source is None:
        return None
    if isinstance(source, str):
        value = environ.get(source, "").strip()
        if not value:
            raise ConfigError(f"{setting}_env = {source}: the environment variable is not set, or empty")
        return SecretStr(value)
    try:
        with source.open("rb") as file:
            value = file.read(SECRET_BYTES_MAX).decode().strip()
    except OSError as error:
        raise ConfigError(f"{setting}_file = {source}: {error.strerror}; check the path and who may read it") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{setting}_file = {source}: not text") from None
    if not value:
        raise ConfigError(f"{setting}_file = {source}: the file is empty")
    return SecretStr(value)


class ReceiverSecrets:
    """The secrets of one receiver."""

    def __init__(self, name: str, settings: Any, environ: Mapping[str, str]) -> None:
        self._name, self._settings, self._environ = name, settings, environ

    def get(self, secret: str) -> SecretStr | None:
        """One that may be left out."""
        env, file = getattr(self._settings, f"{secret}_env"), getattr(self._settings, f"{secret}_file")
        return read_secret(f"receivers.{self._name}.{secret}", env if env is not None else file, self._environ)

    def need(self, secret: str) -> SecretStr:
        """One that the settings insist on."""
        value = self.get(secret)
        assert value is not None  # the settings were validated
        return value

    def wrong(self, secret: str, error: ValueError) -> ConfigError:
        """What is in its place is not one."""
        return ConfigError(f"receivers.{self._name}.{secret} (hidden): {error}")
