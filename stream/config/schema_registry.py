"""Schemas by their ids, from a Schema Registry by HTTP, each asked for once.

A schema never changes under its id, so what is known stays known. While the registry does not answer, nothing that
needs an unknown schema can be read, and a record that is passed over would be lost: so after some tries the process
ends, and begins again where its last checkpoint was.
"""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any, Final

from stream.config.logs import get_logger
from stream.config.settings import SchemaRegistrySettings
from stream.contracts.errors import BadEvent, ConfigError, EngineError
from stream.kinds.envelopes import Schema, SchemaOf

log = get_logger(__name__)

TIMEOUT_SECONDS: Final = 5.0
TRIES: Final = 4
PAUSE_SECONDS: Final = 0.5  # doubled after each try: what is folded waits for 25 seconds at most
BODY_BYTES_MAX: Final = 4 << 20
SCHEMAS_MAX: Final = 10_000

Fetch = Callable[[str, dict[str, str]], bytes]


class SchemaRegistry:
    """Schemas of one registry.

    Args:
        settings: where it is.
        fetch: asks an address with headers; raises OSError, or HTTPError with its status.
        sleep: waits for seconds.
    """

    def __init__(
        self, settings: SchemaRegistrySettings, fetch: Fetch | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = (settings.url or "").rstrip("/")
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json"}
        if settings.username is not None:
            password = "" if settings.password is None else settings.password.get_secret_value()
            credentials = base64.b64encode(f"{settings.username}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {credentials}"
        self._fetch = _fetched if fetch is None else fetch
        self._sleep = sleep
        self._schemas: dict[int, Schema | None] = {}

    def schema_of(self, schema_id: int) -> Schema:
        """The schema of an id.

        Raises:
            BadEvent: the registry knows none of that id, or it is none that can be read.
            EngineError: the registry does not answer.
        """
        if schema_id not in self._schemas:
            if len(self._schemas) >= SCHEMAS_MAX:
                self._schemas.clear()
            self._schemas[schema_id] = self._asked(schema_id)
        schema = self._schemas[schema_id]
        if schema is None:
            raise BadEvent("not_json", f"schema {schema_id}: the Schema Registry at {self._url} knows none of that id")
        return schema

    def _asked(self, schema_id: int) -> Schema | None:
        found = self._get(f"/schemas/ids/{schema_id}")
        if found is None:
            return None
        kind, text = str(found.get("schemaType", "AVRO")), str(found.get("schema", ""))
        if kind != "AVRO":
            return Schema(kind, text)
        return Schema(kind, text, _avro_reader(schema_id, text, self._named(found.get("references") or [])))

    def _named(self, references: list[dict[str, Any]]) -> dict[str, Any]:
        """The schemas that one refers to, by their names, those that they refer to included."""
        import fastavro

        named: dict[str, Any] = {}
        for each in references:
            subject = urllib.parse.quote(str(each.get("subject")), safe="")
            found = self._get(f"/subjects/{subject}/versions/{each.get('version')}")
            if found is not None:
                named |= self._named(found.get("references") or [])
                fastavro.parse_schema(json.loads(str(found["schema"])), named)
        return named

    def _get(self, path: str) -> dict[str, Any] | None:
        """An answer; None: there is nothing.

        Raises:
            EngineError: none came.
        """
        pause_seconds, problem = PAUSE_SECONDS, ""
        for attempt in range(TRIES):
            if attempt > 0:
                self._sleep(pause_seconds)
                pause_seconds *= 2
            try:
                found = json.loads(self._fetch(self._url + path, self._headers))
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return None
                problem = f"status {error.code}"
            except (OSError, ValueError) as error:
                problem = str(error)
            else:
                if isinstance(found, dict):
                    return found
                problem = "an answer that is no JSON object"
            log.warning("the Schema Registry did not answer", url=self._url, problem=problem)
        raise EngineError(
            f"schema_registry.url = {self._url!r}: {path} could not be had: {problem}; check the address, the name and "
            "the password, and that it runs. What needs its schemas waits, and is read after a restart"
        )


def schema_source(settings: SchemaRegistrySettings) -> SchemaOf | None:
    """What asks the registry of the settings; None: there is none.

    Raises:
        ConfigError: the extra is not installed.
    """
    if settings.url is None:
        return None
    try:
        import fastavro  # noqa: F401 - only whether it is there
    except ImportError:
        raise ConfigError(
            "schema_registry.url is set, and what reads its records is not installed: pip install 'heartline[avro]'"
        ) from None
    return SchemaRegistry(settings).schema_of


def _avro_reader(schema_id: int, text: str, named: dict[str, Any]) -> Callable[[Any], Any]:
    """What reads records of an Avro schema.

    Raises:
        BadEvent: it is no Avro schema.
    """
    import fastavro

    try:
        schema = fastavro.parse_schema(json.loads(text), named)
    except Exception as error:  # whatever it raises, the schema is at fault
        raise BadEvent("not_json", f"schema {schema_id} is no Avro schema: {error}") from None
    return lambda data: fastavro.schemaless_reader(data, schema, None)


def _fetched(url: str, headers: dict[str, str]) -> bytes:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the settings allow http and https alone
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
        body: bytes = answer.read(BODY_BYTES_MAX)
        return body
