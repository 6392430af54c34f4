"""The ids of topics: a name that was deleted and created again is another topic.

aiokafka 0.14 asks for metadata in versions that name no ids, so the version that does is spelled out here.
Source: Apache Kafka, MetadataRequest and MetadataResponse version 10 (KIP-516, brokers since 2.8).
"""

import uuid
from collections.abc import Iterable
from io import BytesIO

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from stream.config.settings import KafkaSettings
from stream.engine.connection import client_arguments


class _Id(AbstractType):  # type: ignore[misc]
    """A UUID in 16 bytes."""

    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


_NAME = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)
_BROKERS = CompactArray(("node_id", Int32), ("host", _NAME), ("port", Int32), ("rack", _NAME), _TAGS)
_PARTITIONS = CompactArray(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline_replicas", CompactArray(Int32)),
    _TAGS,
)
_TOPICS = CompactArray(
    ("error_code", Int16),
    ("name", _NAME),
    ("topic_id", _Id),
    ("is_internal", Boolean),
    ("partitions", _PARTITIONS),
    ("authorized_operations", Int32),
    _TAGS,
)


class _Response(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", _BROKERS),
        ("cluster_id", _NAME),
        ("controller_id", Int32),
        ("topics", _TOPICS),
        ("authorized_operations", Int32),
        _TAGS,
    )


class _Struct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Id), ("name", _NAME), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class _Request(Request[_Struct]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_Struct]) -> _Struct:
        nil = uuid.UUID(int=0)
        return request_struct_class([(nil, name, {}) for name in self._topics], False, False, False, {})


async def topic_ids(settings: KafkaSettings, topics: Iterable[str]) -> dict[str, str]:
    """The id of each topic that has one; none at all from a broker that knows of no ids.

    Raises:
        KafkaError: the broker can't be reached.
    """
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await admin.start()
    try:
        response = await admin._send_request(_Request(topics))  # noqa: SLF001  # it has no public way to ask
    except (IncompatibleBrokerVersion, NotImplementedError):  # before 2.8
        return {}
    finally:
        await admin.close()
    return {
        topic["name"]: str(topic["topic_id"]) for topic in response.to_object()["topics"] if not topic["error_code"]
    }
