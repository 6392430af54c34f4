"""What feeds wrap events in: each is read as the event that is in it, with what the envelope says beside it."""

import base64
import io
import json
import struct
import urllib.error
from email.message import Message
from typing import Any

import fastavro
import pytest
from pydantic import SecretStr

from stream.config.schema_registry import TRIES, SchemaRegistry
from stream.config.settings import SchemaRegistrySettings
from stream.contracts.errors import BadEvent, EngineError, PassedOver
from stream.kinds.decode import Decoder
from stream.kinds.envelopes import Schema, with_attributes
from stream.kinds.feeds import FeedSettings, FieldMapping

AT = "2026-01-31T09:30:00Z"
AT_MS = 1_769_851_800_000
EVENT = {"event_id": "e1", "account_id": "acme", "user_id": "ann", "feature": "export", "timestamp": AT}
BARE = {"user_id": "ann", "feature": "export", "account_id": "acme"}
INNER = {"org": "acme", "who": "ann", "what": "export"}
MAPPED = FieldMapping(FeedSettings(fields={"account_id": "org", "user_id": "who", "feature": "what"}))
CE = {"specversion": "1.0", "type": "com.acme.used", "source": "/app", "id": "e1", "time": AT}

AVRO = {
    "type": "record",
    "name": "Used",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "account_id", "type": ["null", "string"], "default": None},
        {"name": "user_id", "type": "string"},
        {"name": "feature", "type": {"type": "enum", "name": "Feature", "symbols": ["export", "search"]}},
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "duration_seconds", "type": ["null", "double"], "default": None},
    ],
}


def framed(schema_id: int, data: bytes) -> bytes:
    return b"\x00" + struct.pack(">I", schema_id) + data


def avro(record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(AVRO), record)
    return out.getvalue()


class Registry:
    """A registry without a network: what it answers by path, and what it was asked."""

    def __init__(self, answers: dict[str, Any], failing: int = 0) -> None:
        self.answers, self.failing = answers, failing
        self.asked: list[tuple[str, dict[str, str]]] = []

    def fetch(self, url: str, headers: dict[str, str]) -> bytes:
        self.asked.append((url, headers))
        if len(self.asked) <= self.failing:
            raise ConnectionRefusedError("refused")
        path = url.removeprefix("http://registry:8081")
        if path not in self.answers:
            raise urllib.error.HTTPError(url, 404, "none", Message(), None)
        return json.dumps(self.answers[path]).encode()

    def client(self, **more: Any) -> SchemaRegistry:
        return SchemaRegistry(
            SchemaRegistrySettings(url="http://registry:8081/", **more), self.fetch, sleep=lambda seconds: None
        )


WITH_AVRO = {"/schemas/ids/7": {"schema": json.dumps(AVRO)}, "/schemas/ids/8": {"schema": "{}", "schemaType": "JSON"}}

READ: list[tuple[str, FieldMapping | None, bytes]] = [
    ("JSON Schema's framing needs no registry", None, framed(3, json.dumps(EVENT).encode())),
    ("structured, with the event's own id and time", None, json.dumps(CE | {"data": EVENT}).encode()),
    ("structured, whose id and time stand in for the event's", None, json.dumps(CE | {"data": BARE}).encode()),
    (
        "structured, with data in base64",
        None,
        json.dumps(CE | {"data_base64": base64.b64encode(json.dumps(BARE).encode()).decode()}).encode(),
    ),
    ("structured, mapped", MAPPED, json.dumps(CE | {"data": INNER}).encode()),
    (
        "structured, with an attribute of the envelope as a field",
        FieldMapping(FeedSettings(fields={"account_id": "ce.subject", "user_id": "who", "feature": "what"})),
        json.dumps(CE | {"subject": "acme", "data": INNER}).encode(),
    ),
    (
        "Debezium's insert, with the change's own time",
        FieldMapping(FeedSettings(fields={"event_id": "id", "account_id": "org", "user_id": "who", "feature": "what"})),
        json.dumps({"op": "c", "before": None, "after": INNER | {"id": "e1"}, "ts_ms": AT_MS, "source": {}}).encode(),
    ),
    (
        "Debezium within Kafka Connect's schema",
        FieldMapping(
            FeedSettings(
                fields={"event_id": "cdc.source.lsn", "account_id": "org", "user_id": "who", "feature": "what"},
                unit="seconds",
            )
        ),
        json.dumps(
            {
                "schema": {"type": "struct"},
                "payload": {"op": "u", "before": {}, "after": INNER, "ts_ms": AT_MS, "source": {"lsn": "e1"}},
            }
        ).encode(),
    ),
    ("Kafka Connect's schema", None, json.dumps({"schema": {"type": "struct"}, "payload": EVENT}).encode()),
    (
        "an event that only looks like one of them",
        None,
        json.dumps(EVENT | {"specversion": "1.0", "data": {}, "op": "c", "after": {}}).encode(),
    ),
]


@pytest.mark.parametrize(("mapping", "value"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_the_event_in_an_envelope_is_read(mapping: FieldMapping | None, value: bytes) -> None:
    event = Decoder("usage", mapping).decode(value)
    assert (event.event_id, event.account_id, event.user_id, event.feature) == ("e1", "acme", "ann", "export")
    assert event.timestamp == AT_MS


def test_avro_is_read_by_its_schema_which_is_asked_for_once() -> None:
    registry = Registry(WITH_AVRO)
    decoder = Decoder("usage", None, registry.client(username="app", password=SecretStr("s3cret")).schema_of)
    for number in range(3):
        value = framed(7, avro(EVENT | {"timestamp": AT_MS, "event_id": f"e{number}", "duration_seconds": 1.5}))
        event = decoder.decode(value)
        assert (event.event_id, event.account_id, event.duration_seconds) == (f"e{number}", "acme", 1.5)
        assert event.timestamp == AT_MS
    assert decoder.decode(framed(8, json.dumps(EVENT).encode())).event_id == "e1"
    assert [url for url, _ in registry.asked] == [
        "http://registry:8081/schemas/ids/7",
        "http://registry:8081/schemas/ids/8",
    ]
    assert registry.asked[0][1]["Authorization"] == "Basic " + base64.b64encode(b"app:s3cret").decode()


def test_a_schema_that_refers_to_another_one_is_read() -> None:
    money = {"type": "record", "name": "Money", "fields": [{"name": "amount", "type": "double"}]}
    sale = {"type": "record", "name": "Sale", "fields": [{"name": "price", "type": "Money"}]}
    references = [{"name": "Money", "subject": "money/value", "version": 2}]
    registry = Registry(
        {
            "/schemas/ids/9": {"schema": json.dumps(sale), "references": references},
            "/subjects/money%2Fvalue/versions/2": {"schema": json.dumps(money)},
        }
    )
    found = registry.client().schema_of(9)
    assert found.read is not None
    assert found.read(io.BytesIO(struct.pack("<d", 2.5))) == {"price": {"amount": 2.5}}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (framed(9, b"abc"), "knows none of that id"),
        (framed(7, b"\x02"), "not a record of schema 7"),
        (framed(10, b""), "frame without data"),
        (framed(11, b"x"), "no Avro schema"),
        (framed(12, b"x"), "of the kind PROTOBUF"),
        (json.dumps(CE | {"data": "x"}).encode(), "data is no JSON"),
        (json.dumps(CE | {"data": 7}).encode(), "data is a int"),
        (json.dumps(CE | {"data_base64": "%"}).encode(), "no base64"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_was_expected(value: bytes, told: str) -> None:
    more = {
        "/schemas/ids/11": {"schema": '{"type": "odd"}'},
        "/schemas/ids/12": {"schema": "x", "schemaType": "PROTOBUF"},
    }
    decoder = Decoder("usage", None, Registry(WITH_AVRO | more).client().schema_of)
    with pytest.raises(BadEvent, match=told):
        decoder.decode(value)


def test_avro_without_a_registry_says_what_is_missing() -> None:
    with pytest.raises(BadEvent, match=r"set schema_registry\.url"):
        Decoder("usage").decode(framed(7, avro(EVENT | {"timestamp": AT_MS})))


def test_a_registry_that_does_not_answer_ends_the_process_and_loses_nothing() -> None:
    registry = Registry(WITH_AVRO, failing=TRIES)
    client = registry.client()
    with pytest.raises(EngineError, match="could not be had: refused"):
        client.schema_of(7)
    assert isinstance(client.schema_of(7), Schema), "it is asked again"


@pytest.mark.parametrize("op", ["d"])
def test_a_deletion_is_passed_over(op: str) -> None:
    value = json.dumps({"op": op, "before": INNER, "after": None, "ts_ms": AT_MS}).encode()
    with pytest.raises(PassedOver):
        Decoder("usage", MAPPED).decode(value)


def test_the_binary_mode_is_read_by_its_headers() -> None:
    headers = [(f"ce_{name}", str(value).encode()) for name, value in CE.items()]
    value = with_attributes(json.dumps(INNER).encode(), [*headers, ("content-type", b"application/json")])
    event = Decoder("usage", MAPPED).decode(value)
    assert (event.event_id, event.account_id, event.timestamp) == ("e1", "acme", AT_MS)
    assert with_attributes(None, headers) is None
